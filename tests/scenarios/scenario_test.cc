// Runs every scenario in several ways that must make no difference (law 1): straight, one record
// at a time, restarted after every record, and cold (nothing stays decoded in memory).
#include "tests/scenarios/scenario.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "connectors/decode/json_decoder.h"
#include "engine/batch/change_batch.h"
#include "engine/state/key.h"
#include "engine/task/task.h"
#include "engine/task/task_plan.h"
#include "forebay/v1/definition.pb.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "schemas/definition/lookup.h"
#include "schemas/definition/project.h"
#include "schemas/types/json.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

enum class Way { kStraight, kOneByOne, kRestarted, kCold };

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = testing::TempDir() + "scenario.XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string TrimTime(int64_t micros) {
  std::string text = FormatTime(micros);
  size_t dot = text.find(".000000Z");
  return dot == std::string::npos ? text : text.substr(0, dot) + "Z";
}

std::string Cell(const Value& value, DataType type) {
  if (IsNull(value)) return "null";
  if (type == DataType::kTimestamp) return TrimTime(std::get<int64_t>(value));
  if (type == DataType::kString) return std::get<std::string>(value);
  std::string text;
  AppendJsonValue(value, type, &text);
  return text;
}

std::string Cell(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return "null";
  switch (array.type_id()) {
    case arrow::Type::TIMESTAMP:
      return TrimTime(static_cast<const arrow::TimestampArray&>(array).Value(row));
    case arrow::Type::DOUBLE:
      return Cell(Value(static_cast<const arrow::DoubleArray&>(array).Value(row)),
                  DataType::kDouble);
    default:
      return array.GetScalar(row).ValueOrDie()->ToString();
  }
}

// "a" or "-7": the value of a key column, typed.
Value KeyPart(const std::string& cell, v1::DataType type) {
  if (type == v1::INT64) return int64_t{std::stoll(cell)};
  return cell;
}

class ScenarioRun {
 public:
  ScenarioRun(const Scenario& scenario, Way way) : scenario_(scenario), way_(way) {
    std::filesystem::create_directories(folder_.path() / "features");
    std::ofstream(folder_.path() / "forebay.yaml") << "project: scenario\n"
                                                      "kafka: {bootstrap.servers: none}\n";
    std::ofstream(folder_.path() / "features" / "all.yaml") << scenario.definitions;
    absl::StatusOr<LoadedProject> loaded = LoadProject(folder_.path(), nullptr);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    if (!loaded.ok()) return;
    loaded_ = std::make_unique<LoadedProject>(*std::move(loaded));
    plans_ = PlanTasks(*loaded_->project).value();
    stores_ = std::make_unique<StoreFactory>(folder_.path(), StoreLimits());
    Open();
    Feed();
  }

  const v1::Project& project() const { return *loaded_->project; }

  TextTable Changes(const std::string& view_name, const std::vector<std::string>& columns) const {
    TextTable table{columns, {}};
    for (const ChangeBatch& batch : changes_) {
      if (project().feature_views(batch.view).name() != view_name) continue;
      for (int64_t row = 0; row < batch.rows->num_rows(); ++row) {
        std::vector<std::string>& cells = table.rows.emplace_back();
        for (const std::string& column : columns) {
          auto array = batch.rows->GetColumnByName(column);
          if (array == nullptr) array = batch.rows->GetColumnByName("_" + column);
          if (array == nullptr) array = batch.rows->GetColumnByName("_source_" + column);
          cells.push_back(array == nullptr ? "no such column" : Cell(*array, row));
        }
      }
    }
    return table;
  }

  TextTable DeadLetters() const {
    TextTable table{{"offset", "reason", "view"}, {}};
    for (const DeadLetter& letter : dead_letters_) {
      table.rows.push_back({std::to_string(letter.offset.value()),
                            std::string(RejectReasonName(letter.reason)),
                            letter.view.empty() ? "-" : letter.view});
    }
    return table;
  }

  // Fills in what the row asks for: its key columns and `at` are the question.
  std::vector<std::string> Lookup(const std::string& view_name,
                                  const std::vector<std::string>& columns,
                                  const std::vector<std::string>& asked) const {
    const v1::FeatureView& view = *FindView(project(), view_name);
    const v1::Entity& entity = *FindEntity(project(), view.entity());
    std::vector<Value> parts;
    for (int i = 0; i < entity.keys_size(); ++i)
      parts.push_back(KeyPart(asked[i], entity.keys(i).type()));
    int64_t at = ParseTime(asked[entity.keys_size()]).value();
    int index = static_cast<int>(&view - &project().feature_views(0));
    for (int i = 0; i < project().feature_views_size(); ++i) {
      if (&project().feature_views(i) == &view) index = i;
    }
    ViewRow row = task_->Lookup(index, EncodeKey(entity, parts), KnownTime(at)).value();
    std::vector<std::string> cells(asked.begin(), asked.begin() + entity.keys_size() + 1);
    for (size_t column = cells.size(); column < columns.size(); ++column) {
      if (columns[column] == "found") {
        cells.push_back(row.found ? "true" : "false");
      } else if (columns[column] == "effective_time") {
        cells.push_back(row.found ? TrimTime(row.effective_time.value()) : "-");
      } else {
        for (int i = 0; i < view.features_size(); ++i) {
          if (view.features(i).name() == columns[column]) {
            cells.push_back(Cell(row.values[i], static_cast<DataType>(view.features(i).type())));
          }
        }
      }
    }
    return cells;
  }

  const TaskStatistics& statistics() const { return task_->statistics(); }

 private:
  void Open() {
    TaskId id{plans_[0].topic, PartitionId(0)};
    size_t hot_bytes = way_ == Way::kCold ? 0 : size_t{1} << 30;
    task_.reset();
    absl::StatusOr<std::unique_ptr<StateStore>> store = stores_->Open(id);
    ASSERT_TRUE(store.ok()) << store.status();
    absl::StatusOr<std::unique_ptr<Task>> task =
        Task::Open(plans_[0], id, 1, *std::move(store), hot_bytes);
    ASSERT_TRUE(task.ok()) << task.status();
    task_ = *std::move(task);
  }

  void Feed() {
    std::vector<RawRecord> records;
    for (size_t i = 0; i < scenario_.records.size(); ++i) {
      records.push_back({.offset = Offset(static_cast<int64_t>(i)),
                         .timestamp = scenario_.records[i].timestamp,
                         .value = scenario_.records[i].value});
    }
    size_t step = way_ == Way::kStraight ? records.size() : 1;
    for (size_t at = 0; at < records.size(); at += step) {
      JsonDecoder decoder(*plans_[0].source, plans_[0].columns);
      EventBatch batch = decoder.Decode(absl::MakeSpan(records).subspan(at, step)).value();
      absl::Status applied = task_->Apply(batch);
      ASSERT_TRUE(applied.ok()) << applied;
      Take(task_->TakeOutput());
      TaskCut cut = task_->Cut();
      ASSERT_TRUE(task_->Commit(cut).ok());
      task_->Durable(cut.number);
      if (way_ == Way::kRestarted) Open();
    }
  }

  void Take(TaskOutput output) {
    for (ChangeBatch& batch : output.changes) changes_.push_back(std::move(batch));
    for (DeadLetter& letter : output.dead_letters) dead_letters_.push_back(std::move(letter));
  }

  const Scenario& scenario_;
  const Way way_;
  TemporaryFolder folder_;
  std::unique_ptr<LoadedProject> loaded_;
  std::vector<TaskPlan> plans_;
  std::unique_ptr<StoreFactory> stores_;
  std::unique_ptr<Task> task_;
  std::vector<ChangeBatch> changes_;
  std::vector<DeadLetter> dead_letters_;
};

std::string Text(const TextTable& table) {
  std::string text;
  for (const auto& row : table.rows) {
    for (const std::string& cell : row) text += cell + "  ";
    text += '\n';
  }
  return text;
}

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
    for (const auto& row : expected.rows)
      actual.rows.push_back(run.Lookup(view, expected.columns, row));
    EXPECT_EQ(Text(actual), Text(expected)) << view;
  }
  if (way == Way::kRestarted) return;  // the counts begin anew with every start
  const TaskStatistics& counts = run.statistics();
  EXPECT_EQ(counts.consumed, static_cast<int64_t>(scenario.records.size()));
  EXPECT_EQ(counts.consumed, counts.applied + counts.filtered + counts.late + counts.dead_lettered +
                                 counts.duplicate);
}

std::string TestName(const testing::TestParamInfo<ScenarioTest::ParamType>& info) {
  const char* const ways[] = {"straight", "one_by_one", "restarted", "cold"};
  return std::get<0>(info.param).stem().string() + "_" +
         ways[static_cast<int>(std::get<1>(info.param))];
}

INSTANTIATE_TEST_SUITE_P(All, ScenarioTest,
                         testing::Combine(testing::ValuesIn(Files()),
                                          testing::Values(Way::kStraight, Way::kOneByOne,
                                                          Way::kRestarted, Way::kCold)),
                         TestName);

}  // namespace
}  // namespace forebay
