// One run of a scenario through decoder, task and store, in one of several ways that must make no
// difference (law 1).
#ifndef FOREBAY_TESTS_SCENARIOS_SCENARIO_RUN_H_
#define FOREBAY_TESTS_SCENARIOS_SCENARIO_RUN_H_

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "connectors/decode/event_decoder.h"
#include "engine/task/rows_sink.h"
#include "engine/task/task.h"
#include "engine/task/task_plan.h"
#include "forebay/v1/definition.pb.h"
#include "online/store/store_factory.h"
#include "schemas/definition/project.h"
#include "tests/scenarios/scenario.h"

namespace forebay {

enum class Way {
  kStraight,    // all records in one batch
  kOneByOne,    // a batch per record, and a commit per record or few records
  kRestarted,   // and the task opened anew after each commit
  kCold,        // likewise, and nothing stays decoded in memory after a commit
  kViewAdded,   // the last view comes after two thirds of the records, its first run is cut short
  kLaneBehind,  // the last view is brought up in a lane, and taken over where that is behind
  kLaneAhead,   // or ahead
  kEnabled,     // the last view is disabled after a third of the records, and enabled after two
};

class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// "a  b\n" for each row.
std::string Text(const TextTable& table);

// Change records, with the table's columns; `_` and `_source_` may be left out of their names.
void AppendRows(const arrow::RecordBatch& rows, TextTable* table);

// The records as a decoder takes them, and how it tells erasures apart. What they are of outlives
// them.
std::vector<RawRecord> RawRecordsOf(const Scenario& scenario);
ReadControlRecord ControlsOf(const Scenario& scenario, const v1::Project& project);

class ScenarioRun {
 public:
  // Failures are gtest failures of the running test. `scenario` outlives the run.
  ScenarioRun(const Scenario& scenario, Way way);

  const v1::Project& project() const { return *loaded_->project; }
  const TaskStatistics& statistics() const { return task_->statistics(); }
  // As the last output said it.
  KnownTime complete_before() const { return complete_before_; }

  size_t batches() const { return changes_.size(); }  // of change records
  // These columns of all change records of the view, in order, as of AppendRows.
  TextTable Changes(const std::string& view, const std::vector<std::string>& columns) const;
  // All columns of all change records of all views, bit for bit.
  std::string AllChanges() const;
  TextTable DeadLetters() const;
  // `asked`: the key columns and `at`; returns the row as the lookup answers it.
  std::vector<std::string> Lookup(const std::string& view, const std::vector<std::string>& columns,
                                  const std::vector<std::string>& asked) const;
  ViewRow Lookup(int view, const std::vector<Value>& key, int64_t at) const;

 private:
  // Opens the task by these plans, at what was committed.
  void Open(const std::vector<TaskPlan>& plans);
  void FeedWithoutLast();
  // Brings the last view up beside, before `end`.
  void FeedLane(size_t end);
  // The records from task's position on, before `end`.
  void Feed(size_t end);
  // Takes what the task has made; `state`: and makes its state durable.
  void Cut(bool state);
  // S36, against all steps of the cut.
  void ExpectNewest(const TaskOutput& output) const;
  static void ExpectNoneBefore(KnownTime complete, const arrow::RecordBatch& rows);

  const Scenario& scenario_;
  const Way way_;
  TemporaryFolder folder_;
  std::unique_ptr<LoadedProject> loaded_;
  v1::Project before_, lane_;  // without the last view; with it alone
  std::vector<TaskPlan> plans_before_, plans_lane_, plans_;
  std::vector<RawRecord> records_;
  std::unique_ptr<StoreFactory> stores_;
  std::unique_ptr<RowsSink> rows_, newest_;
  std::unique_ptr<Task> task_;
  std::vector<ChangeBatch> changes_;
  std::vector<DeadLetter> dead_letters_;
  KnownTime complete_before_ = KnownTime::Min();
};

}  // namespace forebay

#endif  // FOREBAY_TESTS_SCENARIOS_SCENARIO_RUN_H_
