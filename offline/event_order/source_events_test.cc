#include "offline/event_order/source_events.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <tuple>

#include "connectors/file/object_file.h"
#include "engine/batch/arrow_type.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/store_uri.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using testing::IsEmpty;

struct ArrivedEvent {
  int64_t at = 0;
  int64_t known = 0;
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t id = 0;
};

class SourceEventsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "events.XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    for (const char* name : {"files", "archive", "sorted"})
      std::filesystem::create_directories(folder_ + "/" + name);
    source_.set_name("orders");
    source_.set_event_time("at");
    source_.set_known_time(v1::Source::KAFKA);
    source_.set_max_future_us(kMicrosPerDay);
    for (const auto& [name, type] : {std::pair{"at", v1::TIMESTAMP}, std::pair{"id", v1::INT64}}) {
      v1::Field* field = source_.add_schema();
      field->set_name(name);
      field->set_type(type);
    }
    source_.mutable_batch()->set_known_time_column("_known_time");
    request_ = {.source = &source_, .columns = {"id"}, .folder = folder_ + "/sorted"};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Late and disordered, on two days, many at one time; in the order of arrival.
  static std::vector<ArrivedEvent> RandomEvents(int count) {
    std::mt19937 random(5);
    std::vector<ArrivedEvent> events;
    std::vector<int64_t> offsets(3);
    for (int i = 0; i < count; ++i) {
      const int64_t known = 2 * kMicrosPerDay * i / count;
      const int64_t late = random() % 2 == 0 ? 0 : random() % 1000 * 1'000'000;
      const auto partition = static_cast<int32_t>(random() % 3);
      const int64_t at = std::max<int64_t>(0, (known - late) / 600'000'000 * 600'000'000);
      events.push_back({at, known, partition, offsets[partition]++, i});
    }
    return events;
  }

  void Write(const std::string& path, const std::vector<ArrivedEvent>& events) const {
    const auto time = ArrowType(DataType::kTimestamp);
    arrow::TimestampBuilder ats(time, arrow::default_memory_pool());
    arrow::TimestampBuilder knowns(time, arrow::default_memory_pool());
    arrow::Int32Builder partitions;
    arrow::Int64Builder offsets, ids;
    for (const ArrivedEvent& event : events) {
      ASSERT_TRUE(ats.Append(event.at).ok() && knowns.Append(event.known).ok());
      ASSERT_TRUE(partitions.Append(event.partition).ok() && offsets.Append(event.offset).ok());
      ASSERT_TRUE(ids.Append(event.id).ok());
    }
    auto at = ats.Finish().ValueOrDie();
    auto table = arrow::Table::Make(
        arrow::schema({arrow::field("at", time), arrow::field("id", arrow::int64()),
                       arrow::field("_event_time", time), arrow::field("_known_time", time),
                       arrow::field("_source_partition", arrow::int32()),
                       arrow::field("_source_offset", arrow::int64())}),
        {at, ids.Finish().ValueOrDie(), at, knowns.Finish().ValueOrDie(),
         partitions.Finish().ValueOrDie(), offsets.Finish().ValueOrDie()});
    auto out = arrow::io::FileOutputStream::Open(folder_ + "/" + path).ValueOrDie();
    ASSERT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, 64).ok());
    ASSERT_TRUE(out->Close().ok());
  }

  std::shared_ptr<ObjectStore> Store(const std::string& name) const {
    return OpenObjectStore(StoreUri::Folder(folder_ + "/" + name), {});
  }

  // The events in turn, in three files.
  void WriteFiles(const std::vector<ArrivedEvent>& events) {
    BatchFiles files{.store = Store("files")};
    for (size_t i = 0; i < 3; ++i) {
      std::vector<ArrivedEvent> part;
      for (size_t event = i; event < events.size(); event += 3) part.push_back(events[event]);
      const std::string name = fmt::format("{}.parquet", i);
      Write("files/" + name, part);
      const auto size = std::filesystem::file_size(folder_ + "/files/" + name);
      files.files.push_back({.path = name, .size = static_cast<int64_t>(size)});
    }
    request_.files = std::move(files);
  }

  // By date, in two files each.
  void WriteArchive(const std::vector<ArrivedEvent>& events) {
    EventArchive archive{.store = Store("archive")};
    archive.snapshot.metadata.id = "archive";
    archive.snapshot.version = 7;
    for (const char* date : {"1970-01-01", "1970-01-02"}) {
      for (size_t half = 0; half < 2; ++half) {
        std::vector<ArrivedEvent> part;
        for (const ArrivedEvent& event : events) {
          const bool second = event.at >= kMicrosPerDay;
          if (second == (date[9] == '2') && event.id % 2 == static_cast<int64_t>(half))
            part.push_back(event);
        }
        const std::string name = fmt::format("{}-{}.parquet", date, half);
        Write("archive/" + name, part);
        archive.snapshot.files[name] = {.path = name,
                                        .partition_values = {{"date", date}},
                                        .stats = fmt::format("{{\"numRecords\":{}}}", part.size())};
      }
    }
    request_.archive = std::move(archive);
  }

  // Of the events that were written, in the order in which a reader that merges the runs has them.
  std::vector<int64_t> SortedIds() {
    read_ = SortSourceEvents(request_).value();
    std::vector<std::tuple<int64_t, int, int64_t>> rows;  // time, run, id; stable by row
    runs_ = 0;
    while (std::filesystem::exists(fmt::format("{}/sorted/{:08}.parquet", folder_, runs_))) {
      auto file = OpenArrowFile(*Store("sorted"), fmt::format("{:08}.parquet", runs_)).value();
      auto table = OpenParquet(file).ValueOrDie()->ReadTable().ValueOrDie();
      auto batch = table->CombineChunksToBatch().ValueOrDie();
      const auto& at = static_cast<const arrow::TimestampArray&>(*batch->GetColumnByName("at"));
      const auto& id = static_cast<const arrow::Int64Array&>(*batch->GetColumnByName("id"));
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        EXPECT_TRUE(row == 0 || at.Value(row - 1) <= at.Value(row));
        rows.emplace_back(at.Value(row), runs_, id.Value(row));
      }
      ++runs_;
    }
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
      return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
    });
    std::vector<int64_t> ids;
    for (const auto& row : rows) ids.push_back(std::get<2>(row));
    return ids;
  }

  template <typename Less>
  static std::vector<int64_t> IdsBy(std::vector<ArrivedEvent> events, Less less) {
    std::stable_sort(events.begin(), events.end(), less);
    std::vector<int64_t> ids;
    for (const ArrivedEvent& event : events) ids.push_back(event.id);
    return ids;
  }
  static bool ByTime(const ArrivedEvent& a, const ArrivedEvent& b) { return a.at < b.at; }
  static bool ByPlace(const ArrivedEvent& a, const ArrivedEvent& b) {
    return std::tie(a.at, a.partition, a.offset) < std::tie(b.at, b.partition, b.offset);
  }

  std::string folder_;
  v1::Source source_;
  SourceEventsRequest request_;
  EventsRead read_;
  int runs_ = 0;
};

TEST_F(SourceEventsTest, EventsOfFilesOfOneTimeComeAsTheyArrivedInHoweverManyRuns) {
  const std::vector<ArrivedEvent> events = RandomEvents(900);
  WriteFiles(events);
  EXPECT_EQ(SortedIds(), IdsBy(events, ByTime));
  EXPECT_EQ(runs_, 1);
  request_.run_bytes = 1;
  EXPECT_EQ(SortedIds(), IdsBy(events, ByTime));
  EXPECT_GT(runs_, 2);
  EXPECT_EQ(read_.files.size(), 3);
  EXPECT_EQ(read_.last, std::ranges::max(events, {}, &ArrivedEvent::at).at);
}

TEST_F(SourceEventsTest, EventsOfAnArchiveOfOneTimeComeByPartitionAndOffsetInHoweverManyPasses) {
  const std::vector<ArrivedEvent> events = RandomEvents(900);
  WriteArchive(events);
  EXPECT_EQ(SortedIds(), IdsBy(events, ByPlace));
  EXPECT_EQ(runs_, 1);
  request_.run_rows = 60;
  EXPECT_EQ(SortedIds(), IdsBy(events, ByPlace));
  EXPECT_GT(runs_, 10);
  EXPECT_EQ(read_.archive_version, 7);
  EXPECT_EQ(read_.last, std::ranges::max(events, {}, &ArrivedEvent::at).at);
}

TEST_F(SourceEventsTest, TheArchiveGivesWhatIsKnownAfterTheFilesUpToItsBoundsAndTheLatestTime) {
  const std::vector<ArrivedEvent> events = RandomEvents(900);
  WriteFiles(events);
  WriteArchive(events);
  source_.mutable_batch()->set_until_us(kMicrosPerDay);
  request_.archive->bounds = RowBounds{{0, 250}, {2, 280}};
  request_.latest = 3 * kMicrosPerDay / 2;
  std::vector<ArrivedEvent> expected, archived;
  for (const ArrivedEvent& event : events) {
    if (event.known < kMicrosPerDay) {
      expected.push_back(event);
      continue;
    }
    const bool held = (event.partition == 0 && event.offset < 250) ||
                      (event.partition == 2 && event.offset < 280);
    if (held && event.at <= request_.latest) archived.push_back(event);
  }
  std::sort(archived.begin(), archived.end(), ByPlace);
  expected.insert(expected.end(), archived.begin(), archived.end());
  EXPECT_EQ(SortedIds(), IdsBy(expected, ByTime));
  EXPECT_GT(archived.size(), 50);
}

TEST_F(SourceEventsTest, TheArchiveGivesFromTheOffsetsOnWhereFilesEndWhatTheyHaveNot) {
  const std::vector<ArrivedEvent> events = RandomEvents(900);
  const std::vector<int64_t> ends = {120, 0, 280};
  auto is_in_files = [&](const ArrivedEvent& event) {
    return event.offset < ends[static_cast<size_t>(event.partition)];
  };
  std::vector<ArrivedEvent> expected, archived;
  for (const ArrivedEvent& event : events)
    (is_in_files(event) ? expected : archived).push_back(event);
  WriteFiles(expected);
  WriteArchive(events);
  for (int64_t end : ends) source_.mutable_batch()->add_until_offsets(end);
  std::sort(archived.begin(), archived.end(), ByPlace);
  expected.insert(expected.end(), archived.begin(), archived.end());
  EXPECT_EQ(SortedIds(), IdsBy(expected, ByTime));
}

TEST_F(SourceEventsTest, WithoutAnEventThereIsAFileAllTheSame) {
  WriteArchive({});
  EXPECT_THAT(SortedIds(), IsEmpty());
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(read_.last, std::nullopt);
}

TEST_F(SourceEventsTest, ReadingEndsWithTheErrorOfTheProgress) {
  WriteFiles(RandomEvents(90));
  request_.progress = [](int64_t) { return absl::CancelledError("stopped"); };
  EXPECT_EQ(SortSourceEvents(request_).status(), absl::CancelledError("stopped"));
}

}  // namespace
}  // namespace forebay
