// The order of a repartition topic: from topics that are written down, and from random ones.
#include "engine/task/known_time_order.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "fmt/format.h"
#include "forebay/v1/state.pb.h"

namespace forebay {
namespace {

// A record, an erasure or a marker of a source partition, in the order of the repartition topic.
struct Entry {
  int32_t source;
  int64_t offset;  // at the source; of a marker its position
  int64_t clock;
  bool marker = false;
  bool at_end = false;
  bool erasure = false;
};
using Topic = std::vector<Entry>;

EventBatch BatchOf(const Topic& topic, size_t begin, size_t end) {
  static const auto schema = arrow::schema({arrow::field("i", arrow::int64())});
  EventBatch batch;
  arrow::Int64Builder column;
  for (size_t i = begin; i < end; ++i) {
    const Entry& entry = topic[i];
    Offset offset(static_cast<int64_t>(i));
    KnownTime clock(entry.clock);
    batch.last_offset = offset;
    if (entry.marker) {
      batch.markers.push_back({.offset = offset,
                               .partition = PartitionId(entry.source),
                               .position = Offset(entry.offset),
                               .at_end = entry.at_end});
      if (entry.clock >= 0) batch.markers.back().clock = clock;
      continue;
    }
    if (entry.erasure) {
      batch.erasures.push_back({.offset = offset,
                                .key = "12345678",
                                .origin = {PartitionId(entry.source), Offset(entry.offset), clock},
                                .before_row = batch.records.size()});
      continue;
    }
    EXPECT_TRUE(column.Append(static_cast<int64_t>(i)).ok());
    batch.records.push_back({.offset = offset, .value = "12345678"});
    batch.event_times.push_back(EventTime(entry.clock));
    batch.known_times.push_back(clock);
    batch.origins.push_back({PartitionId(entry.source), Offset(entry.offset), clock});
  }
  batch.columns = arrow::RecordBatch::Make(schema, column.length(), {column.Finish().ValueOrDie()});
  return batch;
}

// "source/offset@step offset" of each row and erasure that is due, which must be of the record that
// it says.
std::string Describe(const Topic& topic, const EventBatch& due) {
  std::string text;
  const auto& column = static_cast<const arrow::Int64Array&>(*due.columns->column(0));
  size_t next = 0;
  auto describe_erasures = [&](size_t row) {
    for (; next < due.erasures.size() && due.erasures[next].before_row == row; ++next) {
      const KeyErasure& erasure = due.erasures[next];
      const Entry& entry = topic[erasure.offset.value()];
      EXPECT_TRUE(entry.erasure);
      text += fmt::format("{}/{}@{} ", entry.source, entry.offset, erasure.step_offset.value());
    }
  };
  for (size_t row = 0; row < due.size(); ++row) {
    describe_erasures(row);
    const Entry& entry = topic[column.Value(static_cast<int64_t>(row))];
    EXPECT_EQ(due.records[row].offset.value(), column.Value(static_cast<int64_t>(row)));
    EXPECT_EQ(due.known_times[row].value(), entry.clock);
    text += fmt::format("{}/{}@{} ", entry.source, entry.offset, due.step_offsets[row].value());
  }
  describe_erasures(due.size());
  EXPECT_EQ(next, due.erasures.size());
  return text;
}

std::string Due(const Topic& topic, int sources, size_t step = 1'000'000,
                KnownTimeOrder::Limits limits = {}) {
  KnownTimeOrder order(sources, limits);
  std::string text;
  for (size_t at = 0; at < topic.size(); at += step) {
    EventBatch batch = BatchOf(topic, at, std::min(at + step, topic.size()));
    text += Describe(topic, order.Add(batch).value());
  }
  return text;
}

TEST(KnownTimeOrderTest, KnowsHowFarAPartitionOfTheSourceIsReached) {
  KnownTimeOrder order(2);
  Topic topic = {{0, 3, 10},        // waits for partition 1
                 {1, 7, 5, true},   // a marker: nothing up to 7 was for this topic
                 {1, -1, 5, true},  // of a task that has just started
                 {1, 9, 20, true, /*at_end=*/true}};
  auto read = [&](size_t begin, size_t end) {
    EXPECT_TRUE(order.Add(BatchOf(topic, begin, end)).ok());
    return std::pair(order.reached(PartitionId(0)).value(), order.reached(PartitionId(1)).value());
  };
  EXPECT_EQ(order.reached(PartitionId(0)), Offset(-1));
  EXPECT_EQ(read(0, 1), std::pair(int64_t{2}, int64_t{-1}));
  EXPECT_EQ(read(1, 3), std::pair(int64_t{2}, int64_t{7}));
  EXPECT_EQ(read(3, 4), std::pair(int64_t{3}, int64_t{9}));
}

TEST(KnownTimeOrderTest, ARecordWaitsForThePartitionsThatMayBringAnEarlierOne) {
  Topic topic = {{0, 0, 10}, {0, 1, 20}, {1, 0, 15}, {1, 1, 30}};
  // 0/1 at 20 waits for 1/1; that waits for partition 0.
  EXPECT_EQ(Due(topic, 2), "0/0@2 1/0@2 0/1@3 ");
}

TEST(KnownTimeOrderTest, NothingIsDueBeforeEveryPartitionIsHeardOf) {
  EXPECT_EQ(Due({{0, 0, 10}, {1, 0, 11}}, 3), "");
  EXPECT_EQ(Due({{0, 0, 10}, {1, 0, 11}, {2, -1, -1, true, true}}, 3), "0/0@2 ");
}

TEST(KnownTimeOrderTest, AtTheirEndsRecordsAreDueAtOnce) {
  Topic topic = {{0, 4, 10, true, true}, {1, 4, 12, true, true}, {0, 5, 15}, {1, 5, 11}};
  // 1/5 comes when partition 0 is no longer known to stand at its end, and its clock is ahead.
  EXPECT_EQ(Due(topic, 2), "0/5@2 1/5@3 ");
}

TEST(KnownTimeOrderTest, AMarkersClockReleases) {
  Topic topic = {{0, 0, 10}, {1, 7, 9, true}, {1, 8, 10, true}, {1, 9, 11, true}};
  EXPECT_EQ(Due(topic, 2), "0/0@2 ");  // at 10 partition 1 could bring another of 10, but after it
}

TEST(KnownTimeOrderTest, OfEqualTimesTheLowerPartitionComesFirst) {
  EXPECT_EQ(Due({{1, 0, 10}, {0, 3, 10, true}, {0, 4, 10}, {0, 5, 11, true}}, 2), "0/4@2 1/0@3 ");
  EXPECT_EQ(Due({{0, 0, 10}, {1, 3, 10, true}}, 2), "0/0@1 ");
}

TEST(KnownTimeOrderTest, ARepeatedRecordIsDropped) {
  Topic topic = {{0, 0, 10}, {0, 1, 11}, {0, 0, 10}, {0, 1, 11}, {0, 2, 12}};
  KnownTimeOrder order(1);
  EXPECT_EQ(Describe(topic, order.Add(BatchOf(topic, 0, 5)).value()), "0/0@0 0/1@1 0/2@4 ");
  EXPECT_EQ(order.duplicates(), 2);
}

// Behind what its source partition sent before it, and before what it sent after.
TEST(KnownTimeOrderTest, AnErasureHasItsPlaceAmongTheRecordsOfItsSourcePartition) {
  Topic topic = {{0, 0, 10},
                 {.source = 0, .offset = 1, .clock = 10, .erasure = true},
                 {0, 2, 10},
                 {.source = 0, .offset = 1, .clock = 10, .erasure = true},  // sent again
                 {.source = 1, .offset = 0, .clock = 5, .erasure = true},
                 {1, 1, 12, true, true}};
  EXPECT_EQ(Due(topic, 2), "1/0@4 0/0@5 0/1@5 0/2@5 ");
  KnownTimeOrder order(2);
  ASSERT_TRUE(order.Add(BatchOf(topic, 0, 5)).ok());
  EXPECT_EQ(order.duplicates(), 0);  // of records
  EXPECT_EQ(order.waiting(), 3);
}

// Nothing of its source partition came before it, nor had that a clock.
TEST(KnownTimeOrderTest, AnErasureWithoutAClockGoesFirst) {
  const int64_t none = KnownTime::Min().value();
  Topic topic = {{1, 0, 10}, {.source = 0, .offset = 0, .clock = none, .erasure = true}};
  EXPECT_EQ(Due(topic, 2), "0/0@1 ");
}

TEST(KnownTimeOrderTest, WithTooManyWaitingTheLeastIsForced) {
  Topic topic = {{0, 0, 30}, {0, 1, 31}, {1, 0, 20}, {1, 1, 40}, {0, 2, 50}};
  EXPECT_EQ(Due(topic, 3, 1, {.records = 3}), "1/0@3 0/0@4 ");
  EXPECT_EQ(Due(topic, 3, 9, {.records = 99, .bytes = 25}), "1/0@3 0/0@4 ");  // of 8 bytes each
  KnownTimeOrder order(3, {.records = 3});
  ASSERT_TRUE(order.Add(BatchOf(topic, 0, 5)).ok());
  EXPECT_EQ(order.forced(), 2);
  EXPECT_EQ(order.waiting(), 3);
}

TEST(KnownTimeOrderTest, ARecordOfAPartitionThatIsNotThereIsAnError) {
  KnownTimeOrder order(2);
  absl::Status status = order.Add(BatchOf({{2, 0, 10}}, 0, 1)).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
}

// Sources of different speed, with repeats, markers, ends in between, and at last the end of all.
Topic RandomTopic(uint64_t seed, int sources) {
  std::mt19937_64 random(seed);
  auto below = [&](uint64_t n) { return static_cast<int64_t>(random() % n); };
  Topic topic;
  std::vector<int64_t> next(sources), clock(sources, -1);
  for (int i = 0; i < 400; ++i) {
    auto s = static_cast<int32_t>(std::min(below(sources), below(sources)));
    if (below(4) == 0) {
      topic.push_back({s, next[s] - 1, clock[s], true, below(6) == 0});
    } else if (below(10) == 0 && next[s] > 3) {
      next[s] -= below(3);  // crashed, and sends again what it had sent: with the same clocks
      clock[s] = -1;
      for (const Entry& entry : topic) {
        if (!entry.marker && entry.source == s && entry.offset < next[s])
          clock[s] = std::max(clock[s], entry.clock);
      }
    } else {
      auto sent = std::find_if(topic.begin(), topic.end(), [&](const Entry& entry) {
        return !entry.marker && entry.source == s && entry.offset == next[s];
      });
      const bool again = sent != topic.end();
      // An erasure moves no clock.
      const bool erasure = again ? sent->erasure : clock[s] >= 0 && below(8) == 0;
      if (again || !erasure)
        clock[s] = again ? sent->clock : std::max(clock[s], int64_t{0}) + below(4);
      topic.push_back({.source = s, .offset = next[s]++, .clock = clock[s], .erasure = erasure});
    }
  }
  for (int32_t s = 0; s < sources; ++s) topic.push_back({s, next[s] - 1, clock[s], true, true});
  return topic;
}

class RandomOrderTest : public testing::TestWithParam<uint64_t> {};

TEST_P(RandomOrderTest, BatchesMakeNoDifference) {
  for (int sources : {1, 3, 8}) {
    Topic topic = RandomTopic(GetParam(), sources);
    std::string whole = Due(topic, sources);
    EXPECT_GT(whole.size(), 1000u);
    for (size_t step : {1, 2, 7, 100}) EXPECT_EQ(Due(topic, sources, step), whole) << step;
  }
}

TEST_P(RandomOrderTest, ARestartMakesNoDifference) {
  constexpr int kSources = 3;
  Topic topic = RandomTopic(GetParam(), kSources);
  std::string whole = Due(topic, kSources, 1);
  for (size_t stop = 1; stop < topic.size(); stop += 13) {
    KnownTimeOrder first(kSources);
    std::string text;
    for (size_t i = 0; i < stop; ++i)
      text += Describe(topic, first.Add(BatchOf(topic, i, i + 1)).value());
    v1::TaskMeta meta;
    meta.set_position(static_cast<int64_t>(stop) - 1);
    first.Encode(&meta);
    KnownTimeOrder second(kSources);
    second.Restore(meta);
    size_t from = meta.has_read_position() ? meta.read_position() + 1 : stop;
    EXPECT_EQ(second.restoring(Offset(static_cast<int64_t>(stop) - 2)), true);
    text += Describe(topic, second.Add(BatchOf(topic, from, topic.size())).value());
    EXPECT_EQ(text, whole) << stop;
    EXPECT_EQ(second.waiting(), 0);
  }
}

// A topic in which nobody is at an end before all is there: the order of known time, whatever the
// order in the topic.
TEST_P(RandomOrderTest, AWholeTopicIsInTheOrderOfKnownTime) {
  constexpr int kSources = 5;
  std::map<std::tuple<int64_t, int32_t, int64_t>, bool> sorted;
  Topic topic = RandomTopic(GetParam(), kSources);
  size_t ends = topic.size() - kSources;
  for (size_t i = 0; i < topic.size(); ++i) {
    if (i < ends) topic[i].at_end = false;
    if (!topic[i].marker) sorted[{topic[i].clock, topic[i].source, topic[i].offset}] = true;
  }
  std::string expected, found;
  for (const auto& [place, there] : sorted)
    expected += fmt::format("{}/{} ", std::get<1>(place), std::get<2>(place));
  std::string due = Due(topic, kSources);
  for (size_t at = 0; at < due.size();) {
    size_t step = due.find('@', at), next = due.find(' ', at) + 1;
    found += due.substr(at, step - at) + " ";
    at = next;
  }
  EXPECT_EQ(found, expected);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomOrderTest, testing::Range<uint64_t>(1, 21));

}  // namespace
}  // namespace forebay
