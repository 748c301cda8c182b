// Rows of long lists: more than Arrow takes in one batch must not come in one.
#include <gtest/gtest.h>

#include "fmt/format.h"
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
    schema: {k: string, s: string, time: timestamp_us}
    event_time: time
    known_time: event_time
entities:
  - {name: thing, keys: {k: string}}
feature_views:
  - name: v
    version: 1
    source: events
    entity: thing
    features:
      - {name: s, value: 'last_n(s, 1000)', windows: [lifetime]}
)";

TEST(LongRows, ComeInSeveralBatchesInTheirOrder) {
  constexpr int kRecords = 120;
  constexpr size_t kText = 20'000;
  Scenario scenario{.name = "long rows", .definitions = kDefinitions};
  for (int i = 0; i < kRecords; ++i) {
    int64_t time = 1'767'225'600'000'000 + i;
    scenario.records.push_back(
        {time, fmt::format(R"({{"k":"a","s":"{}","time":{}}})", std::string(kText, 'x'), time)});
  }
  ScenarioRun run(scenario, Way::kStraight);
  EXPECT_GE(run.batches(), 2u);
  TextTable changes = run.Changes("v", {"offset", "ordinal"});
  ASSERT_EQ(changes.rows.size(), size_t{kRecords});
  for (int i = 0; i < kRecords; ++i)
    EXPECT_EQ(changes.rows[i], (std::vector<std::string>{std::to_string(i), "0"}));
  ViewRow last = run.Lookup(0, {Value("a")}, 1'767'225'600'000'000 + kRecords);
  EXPECT_EQ(std::get<ValueList>(last.values[0]), ValueList(kRecords, std::string(kText, 'x')));
}

}  // namespace
}  // namespace forebay
