// Views that differ only in which steps become change records: what they answer does not differ.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "fmt/format.h"
#include "schemas/types/time.h"
#include "tests/scenarios/scenario.h"
#include "tests/scenarios/scenario_run.h"

namespace forebay {
namespace {

constexpr int64_t kStart = 1'767'225'600'000'000;
constexpr int64_t kEvery = 45'000'000;  // of the view that emits
const std::vector<std::string> kFeatures = {"sum_10m",   "sum_1h",     "sum_tumbling_5m",
                                            "least_10m", "newest_10m", "count_1m_hop_20s"};

// The same view three times: every step, none, and emitted.
std::string Definitions() {
  std::string text = R"(
sources:
  - name: events
    topic: events
    format: json
    key: [k]
    schema: {k: string, x: double, s: string, time: timestamp_us}
    event_time: time
    known_time: kafka
    max_future: 10m
entities:
  - {name: thing, keys: {k: string}}
feature_views:
)";
  for (const char* head : {"{name: every, ", "{name: none, history: off, updates: off, ",
                           "{name: emitted, emit: {every: 45s}, "}) {
    text += fmt::format("  - {}{}\n", head,
                        "version: 1, source: events, entity: thing, features: ["
                        "{name: sum, value: sum(x), windows: [10m, 1h, {tumbling: 5m}]}, "
                        "{name: least, value: min(s), windows: [10m]}, "
                        "{name: newest, value: last(s), windows: [10m]}, "
                        "{name: count, value: count(*), windows: [{sawtooth: 1m, hop: 20s}]}]}");
  }
  return text;
}

enum class Erasures { kNone, kSome };

Scenario RandomScenario(uint64_t seed, Erasures erasures = Erasures::kSome) {
  std::mt19937_64 random(seed);
  auto below = [&](uint64_t n) { return static_cast<int64_t>(random() % n); };
  Scenario scenario{.name = "random", .definitions = Definitions()};
  int64_t now = kStart;
  for (int i = 0; i < 300; ++i) {
    // Bursts within one instant, at multiples of the interval too, and pauses over many boundaries.
    int64_t pause[] = {0, 0, below(1000), below(20'000'000), below(200'000'000)};
    now += pause[below(5)] + (below(30) == 0 ? below(5'000'000'000) : 0);
    if (below(5) == 0) now = FloorTo(now + kEvery, kEvery);
    int64_t lag[] = {0, below(1'000'000), below(600'000'000), -below(400'000'000)};
    scenario.records.push_back(
        {now,
         fmt::format("{{\"k\":\"k{}\",\"x\":{},\"s\":\"{}\",\"time\":{}}}", below(4),
                     static_cast<double>(below(2000) - 1000) / 7, below(20), now - lag[below(4)])});
    if (erasures == Erasures::kSome && below(20) == 0)
      scenario.records.push_back({now, fmt::format("k{}", below(4)), /*erases=*/"thing"});
  }
  return scenario;
}

int64_t LastClock(const Scenario& scenario) {
  int64_t clock = kStart;
  for (const ScenarioRecord& record : scenario.records) clock = std::max(clock, record.timestamp);
  return clock;
}

std::vector<std::string> With(std::vector<std::string> columns) {
  columns.insert(columns.end(), kFeatures.begin(), kFeatures.end());
  return columns;
}

class StepsTest : public testing::TestWithParam<uint64_t> {};

TEST_P(StepsTest, LookupsAnswerTheSameWhateverIsWritten) {
  Scenario scenario = RandomScenario(GetParam());
  for (Way way : {Way::kStraight, Way::kOneByOne, Way::kRestarted, Way::kCold, Way::kViewAdded}) {
    ScenarioRun run(scenario, way);
    int64_t clock = LastClock(scenario);
    int found = 0;
    for (int key = 0; key < 4; ++key) {
      for (int64_t later : {0, 1, 19, 61, 299, 700, 3'000, 4'000, 9'000}) {
        std::vector<std::string> asked = {fmt::format("k{}", key),
                                          FormatTime(clock + later * kMicrosPerSecond)};
        std::vector<std::string> columns = With({"k", "at", "found", "effective_time"});
        std::vector<std::string> every = run.Lookup("every", columns, asked);
        EXPECT_EQ(run.Lookup("none", columns, asked), every);
        EXPECT_EQ(run.Lookup("emitted", columns, asked), every);
        found += every[2] == "true" ? 1 : 0;
      }
    }
    EXPECT_GT(found, 0);
    EXPECT_TRUE(run.Changes("none", {"k"}).rows.empty());
  }
}

// S12: of the steps of a key in (k - D, k] the last, effective at k, once the clock is past k.
TEST_P(StepsTest, EmittedRowsAreTheFullHistoryResampled) {
  Scenario scenario = RandomScenario(GetParam(), Erasures::kNone);
  ScenarioRun straight(scenario, Way::kStraight);
  std::vector<std::string> columns =
      With({"k", "effective_time", "op", "event_time", "known_time"});
  std::map<std::pair<std::string, int64_t>, std::vector<std::string>> expected, actual;
  std::map<std::string, int64_t> newest;
  for (const std::vector<std::string>& row : straight.Changes("every", columns).rows) {
    int64_t k = FloorTo(ParseTime(row[1]).value() + kEvery - 1, kEvery);
    expected[{row[0], k}] = row;
    newest[row[0]] = ParseTime(row[1]).value();
  }
  // Of those that the clock has not passed, only what a later step of the key has pushed out.
  std::erase_if(expected, [&](const auto& row) {
    auto [key, k] = row.first;
    return k >= std::max(LastClock(scenario), newest[key]);
  });
  for (const std::vector<std::string>& row : straight.Changes("emitted", columns).rows) {
    int64_t k = ParseTime(row[1]).value();
    EXPECT_TRUE(actual.try_emplace({row[0], k}, row).second) << "twice: " << row[0] << row[1];
    EXPECT_EQ(FloorTo(k, kEvery), k);
  }
  auto text = [](const auto& rows) {
    TextTable table;
    for (const auto& [at, row] : rows) {
      table.rows.push_back(row);
      table.rows.back()[1] = FormatTime(at.second);
    }
    return Text(table);
  };
  EXPECT_EQ(text(actual), text(expected));
  EXPECT_GT(actual.size(), 100u);
}

// Not at a multiple of the interval: it does not wait for one.
TEST_P(StepsTest, AnErasureIsEmittedAtOnce) {
  Scenario scenario = RandomScenario(GetParam());
  ScenarioRun straight(scenario, Way::kStraight);
  auto erasures = [&](const std::string& view) {
    TextTable rows = straight.Changes(view, {"k", "offset", "effective_time", "op"});
    std::erase_if(rows.rows, [&](const std::vector<std::string>& row) {
      return row[3] != "delete" || scenario.records[std::stoul(row[1])].erases.empty();
    });
    return rows;
  };
  TextTable every = erasures("every"), emitted = erasures("emitted");
  EXPECT_GT(every.rows.size(), 2u);
  for (const std::vector<std::string>& row : every.rows) {
    EXPECT_TRUE(std::find(emitted.rows.begin(), emitted.rows.end(), row) != emitted.rows.end())
        << row[0] << " " << row[2];
  }
  std::map<std::string, int64_t> last;
  for (const auto& row : straight.Changes("emitted", {"k", "effective_time"}).rows) {
    int64_t time = ParseTime(row[1]).value();
    auto [before, first] = last.try_emplace(row[0], time);
    EXPECT_TRUE(first || before->second < time) << row[0];
    before->second = time;
  }
}

TEST_P(StepsTest, EveryWayEmitsTheSame) {
  Scenario scenario = RandomScenario(GetParam());
  std::string changes = ScenarioRun(scenario, Way::kStraight).AllChanges();
  for (Way way : {Way::kOneByOne, Way::kRestarted, Way::kCold, Way::kViewAdded})
    EXPECT_EQ(ScenarioRun(scenario, way).AllChanges(), changes) << static_cast<int>(way);
}

// S6: 200 keys are due at one boundary, which takes several records to write.
TEST(DueStepsTest, AViewWritesItsOwnWhateverOtherViewsWrite) {
  const std::string definitions = Definitions();
  size_t others = definitions.find("  - {name: none");
  Scenario alone{.name = "alone", .definitions = definitions.substr(0, others)};
  for (int i = 0; i < 210; ++i) {
    int64_t now = kStart + (i < 200 ? 0 : 20 * 60 * kMicrosPerSecond);
    alone.records.push_back({now, fmt::format("{{\"k\":\"k{:03}\",\"x\":1,\"time\":{}}}", i, now)});
  }
  Scenario beside = alone;
  beside.definitions.insert(
      definitions.find("  - {name: every"),
      "  - {name: other, version: 1, source: events, entity: thing, features: ["
      "{name: sum, value: sum(x), windows: [10m, {tumbling: 5m}]}]}\n");
  std::vector<std::string> columns = With({"k", "effective_time", "op", "offset", "ordinal"});
  std::string expected = Text(ScenarioRun(alone, Way::kStraight).Changes("every", columns));
  EXPECT_EQ(Text(ScenarioRun(beside, Way::kStraight).Changes("every", columns)), expected);
  EXPECT_NE(expected.find("expire"), std::string::npos);
}

// A jump of the clock makes the steps of 100 keys due; a record writes 64 of a view.
TEST(DueSteps, AreCompleteBeforeTheFirstThatIsUnwritten) {
  Scenario scenario{.name = "due", .definitions = R"(
sources:
  - {name: events, topic: events, key: [k], event_time: time, known_time: kafka,
     schema: {k: string, time: timestamp_us}}
entities: [{name: thing, keys: {k: string}}]
feature_views:
  - {name: recent, source: events, entity: thing,
     features: [{name: count, value: count(*), windows: [10s]}]}
)"};
  auto add = [&](const std::string& key, int64_t time) {
    scenario.records.push_back({time, fmt::format(R"({{"k":"{}","time":{}}})", key, time)});
  };
  for (int key = 0; key < 100; ++key) add(fmt::format("k{}", key), kStart);
  const int64_t later = kStart + 3'600 * kMicrosPerSecond;
  add("last", later);
  const int64_t leaves = kStart + 11 * kMicrosPerSecond;  // the hop of 1 s, then the window
  EXPECT_EQ(ScenarioRun(scenario, Way::kStraight).complete_before(), KnownTime(leaves));
  EXPECT_EQ(ScenarioRun(scenario, Way::kRestarted).complete_before(), KnownTime(leaves));
  add("last", later);
  EXPECT_EQ(ScenarioRun(scenario, Way::kStraight).complete_before(), KnownTime(later));
}

INSTANTIATE_TEST_SUITE_P(Seeds, StepsTest, testing::Range<uint64_t>(1, 9));

// 100 keys with two steps each become due at once, and one record writes 64: the first of 64 keys.
TEST(DueStepsTest, CountsStepsAndNotKeys) {
  Scenario scenario{.name = "due", .definitions = R"(
sources:
  - {name: events, topic: events, format: json, key: [k], schema: {k: string, time: timestamp_us},
     event_time: time, known_time: kafka}
entities:
  - {name: thing, keys: {k: string}}
feature_views:
  - {name: counts, source: events, entity: thing,
     features: [{name: n, value: count(*), windows: [10s, 20s]}]}
)"};
  auto record = [&](int64_t at, const std::string& key) {
    scenario.records.push_back({at, fmt::format(R"({{"k":"{}","time":{}}})", key, at)});
  };
  for (int i = 0; i < 100; ++i) record(kStart, fmt::format("k{:02}", i));
  record(kStart + 3'600'000'000, "z");
  for (Way way : {Way::kStraight, Way::kCold}) {
    ScenarioRun run(scenario, way);
    EXPECT_EQ(run.statistics().due_steps, 200 - 64);
  }
}

}  // namespace
}  // namespace forebay
