// Random records: the way they are cut into batches, restarts and caches change nothing, and what a
// lookup answers at the last step of a key is what that step's record says.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "fmt/format.h"
#include "schemas/types/time.h"
#include "tests/scenarios/scenario.h"
#include "tests/scenarios/scenario_run.h"

namespace forebay {
namespace {

constexpr const char* kDefinitions = R"(
sources:
  - name: events
    topic: events
    format: json
    key: [k]
    schema: {k: string, x: double, n: int64, s: string, time: timestamp_us}
    event_time: time
    known_time: kafka
    max_future: 10m
entities:
  - {name: thing, keys: {k: string}}
feature_views:
  - name: short
    version: 1
    source: events
    entity: thing
    where: n is distinct from 3
    features:
      - {name: sum, value: sum(x), windows: [10m, 1h]}
      - {name: sum_n, value: sum(n), windows: [10m, {tumbling: 5m}]}
      - {name: spread, value: stddev(x), windows: [1h]}
      - {name: least, value: min(s), windows: [10m, {tumbling: 5m}]}
      - {name: newest, value: last(s) filter (where n > 2), windows: [10m]}
      - {name: distinct, value: approx_count_distinct(s), windows: [1h]}
      - {name: some, value: 'last_n(s, 3)', windows: [10m, {tumbling: 5m}]}
      - {name: many, value: 'last_n(s, 20)', windows: [1h]}
  - name: long
    version: 1
    source: events
    entity: thing
    features:
      - {name: count, value: count(*), windows: [{sawtooth: 1m, hop: 20s}, lifetime]}
      - {name: first, value: first(x), windows: [lifetime]}
      - {name: recent, value: 'last_n(x, 7)', windows: [lifetime]}
)";

Scenario RandomScenario(uint64_t seed) {
  std::mt19937_64 random(seed);
  auto below = [&](uint64_t n) { return static_cast<int64_t>(random() % n); };
  Scenario scenario{.name = "random", .definitions = kDefinitions};
  int64_t now = 1'767'225'600'000'000;
  for (int i = 0; i < 210; ++i) {
    // Bursts within one instant, pauses over many boundaries, and clocks that step back.
    int64_t pause[] = {0, 0, below(1000), below(20'000'000), below(200'000'000), -below(5'000'000)};
    now += pause[below(6)] + (below(30) == 0 ? below(5'000'000'000) : 0);
    int64_t lag[] = {0, below(1'000'000), below(600'000'000), below(8'000'000'000),
                     -below(700'000'000)};
    int64_t time = now - lag[below(5)];
    std::string text =
        fmt::format("\"{}\"", std::string(below(3), 'a') + static_cast<char>('a' + below(4)));
    std::string value = fmt::format(
        "{{\"k\":\"k{}\",\"x\":{},\"n\":{},\"s\":{},\"time\":{}}}", below(4),
        below(5) == 0 ? "null" : fmt::format("{}", static_cast<double>(below(2000) - 1000) / 7),
        below(6), below(5) == 0 ? "null" : text, time);
    if (below(25) == 0) value.resize(value.size() / 2);
    scenario.records.push_back({now, value});
    if (below(20) == 0)
      scenario.records.push_back({now, fmt::format("k{}", below(4)), /*erases=*/"thing"});
  }
  return scenario;
}

// As if other keys had sent what a key sent before it was erased for the last time: how the clock
// moves stays the same.
Scenario WithoutErased(const Scenario& scenario, std::string_view key, size_t* erased) {
  Scenario without = scenario;
  std::string quoted = fmt::format("\"k\":\"{}\"", key);
  *erased = 0;
  for (size_t i = 0; i < scenario.records.size(); ++i) {
    if (!scenario.records[i].erases.empty() && scenario.records[i].value == key) *erased = i;
  }
  for (size_t i = 0; i < *erased; ++i) {
    ScenarioRecord& record = without.records[i];
    size_t at = record.value.find(quoted);
    if (at != std::string::npos) record.value.replace(at, quoted.size(), "\"k\":\"gone\"");
    if (!record.erases.empty() && record.value == key) record.value = "gone";
  }
  return without;
}

class RandomTest : public testing::TestWithParam<uint64_t> {};

TEST_P(RandomTest, EveryWayGivesTheSameChanges) {
  Scenario scenario = RandomScenario(GetParam());
  ScenarioRun straight(scenario, Way::kStraight);
  std::string changes = straight.AllChanges();
  std::string letters = Text(straight.DeadLetters());
  EXPECT_GT(changes.size(), 1000u);
  for (Way way : {Way::kOneByOne, Way::kRestarted, Way::kCold, Way::kViewAdded, Way::kLaneBehind,
                  Way::kLaneAhead, Way::kEnabled}) {
    ScenarioRun run(scenario, way);
    EXPECT_EQ(run.AllChanges(), changes) << static_cast<int>(way);
    EXPECT_EQ(Text(run.DeadLetters()), letters) << static_cast<int>(way);
  }
}

// And never goes back: effective times strictly increase per key (S5).
TEST_P(RandomTest, ALookupAtTheLastStepIsThatStep) {
  Scenario scenario = RandomScenario(GetParam());
  ScenarioRun run(scenario, Way::kStraight);
  const std::map<std::string, std::vector<std::string>> features = {
      {"short",
       {"sum_10m", "sum_1h", "sum_n_10m", "sum_n_tumbling_5m", "spread_1h", "least_10m",
        "least_tumbling_5m", "newest_10m", "distinct_1h", "some_10m", "some_tumbling_5m",
        "many_1h"}},
      {"long", {"count_1m_hop_20s", "count_lifetime", "first_lifetime", "recent_lifetime"}}};
  for (const auto& [view, columns] : features) {
    std::vector<std::string> asked = {"k", "effective_time"};
    std::vector<std::string> with_op = {"k", "effective_time", "op"};
    asked.insert(asked.end(), columns.begin(), columns.end());
    TextTable changes = run.Changes(view, asked);
    TextTable ops = run.Changes(view, with_op);
    std::map<std::string, size_t> last;
    for (size_t row = 0; row < changes.rows.size(); ++row) {
      const std::string& key = changes.rows[row][0];
      if (auto before = last.find(key); before != last.end()) {
        EXPECT_LT(ParseTime(changes.rows[before->second][1]).value(),
                  ParseTime(changes.rows[row][1]).value());
      }
      last[key] = row;
    }
    ASSERT_FALSE(last.empty());
    for (const auto& [key, row] : last) {
      std::vector<std::string> question = {key, changes.rows[row][1]};
      std::vector<std::string> lookup_columns = {"k", "at", "found"};
      lookup_columns.insert(lookup_columns.end(), columns.begin(), columns.end());
      std::vector<std::string> expected = question;
      expected.push_back(ops.rows[row][2] == "delete" ? "false" : "true");
      expected.insert(expected.end(), changes.rows[row].begin() + 2, changes.rows[row].end());
      EXPECT_EQ(run.Lookup(view, lookup_columns, question), expected);
    }
  }
}

TEST_P(RandomTest, NothingIsLeftOfAnErasedKey) {
  Scenario scenario = RandomScenario(GetParam());
  ScenarioRun run(scenario, Way::kStraight);
  const std::vector<std::string> columns = {"k",       "offset",     "op",         "event_time",
                                            "sum_10m", "sum_1h",     "spread_1h",  "least_10m",
                                            "many_1h", "newest_10m", "distinct_1h"};
  int compared = 0;
  for (std::string key : {"k0", "k1", "k2", "k3"}) {
    size_t erased = 0;
    Scenario without = WithoutErased(scenario, key, &erased);
    if (erased == 0) continue;
    auto rows_after = [&](const ScenarioRun& of) {
      TextTable rows = of.Changes("short", columns);
      std::erase_if(rows.rows, [&](const std::vector<std::string>& row) {
        return row[0] != key || std::stoul(row[1]) <= erased;
      });
      compared += static_cast<int>(rows.rows.size());
      return Text(rows);
    };
    EXPECT_EQ(rows_after(run), rows_after(ScenarioRun(without, Way::kStraight))) << key;
  }
  EXPECT_GT(compared, 20);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTest, testing::Range<uint64_t>(1, 11));

}  // namespace
}  // namespace forebay
