// Every scenario, in every way.
#include "tests/scenarios/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/scenarios/scenario_run.h"

namespace forebay {
namespace {

std::vector<std::filesystem::path> Files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(FOREBAY_SCENARIOS)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class ScenarioTest : public testing::TestWithParam<std::tuple<std::filesystem::path, Way>> {};

TEST_P(ScenarioTest, GivesWhatItSays) {
  const auto& [file, way] = GetParam();
  Scenario scenario = ReadScenario(file);
  ScenarioRun run(scenario, way);
  ASSERT_FALSE(HasFailure());
  for (const auto& [view, expected] : scenario.changes) {
    EXPECT_EQ(Text(run.Changes(view, expected.columns)), Text(expected)) << view;
  }
  EXPECT_EQ(Text(run.DeadLetters()), Text(scenario.dead_letters));
  for (const auto& [view, expected] : scenario.lookups) {
    TextTable actual{expected.columns, {}};
    for (const auto& row : expected.rows) {
      actual.rows.push_back(run.Lookup(view, expected.columns, row));
    }
    EXPECT_EQ(Text(actual), Text(expected)) << view;
  }
  // The counts begin anew with every start.
  if (way == Way::kRestarted || way >= Way::kViewAdded) return;
  const TaskStatistics& counts = run.statistics();
  EXPECT_EQ(counts.consumed,
            std::count_if(scenario.records.begin(), scenario.records.end(),
                          [](const ScenarioRecord& record) { return record.erases.empty(); }));
  EXPECT_EQ(counts.consumed, counts.applied + counts.filtered + counts.late + counts.dead_lettered +
                                 counts.duplicate);
}

std::string TestName(const testing::TestParamInfo<ScenarioTest::ParamType>& info) {
  const char* const ways[] = {"straight",   "one_by_one",  "restarted",  "cold",
                              "view_added", "lane_behind", "lane_ahead", "enabled"};
  return std::get<0>(info.param).stem().string() + "_" +
         ways[static_cast<int>(std::get<1>(info.param))];
}

INSTANTIATE_TEST_SUITE_P(All, ScenarioTest,
                         testing::Combine(testing::ValuesIn(Files()),
                                          testing::Values(Way::kStraight, Way::kOneByOne,
                                                          Way::kRestarted, Way::kCold,
                                                          Way::kViewAdded, Way::kLaneBehind,
                                                          Way::kLaneAhead, Way::kEnabled)),
                         TestName);

}  // namespace
}  // namespace forebay
