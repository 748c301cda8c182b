#include "tests/scenarios/scenario_run.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <utility>

#include "connectors/decode/event_decoder.h"
#include "connectors/decode/key_text.h"
#include "engine/batch/arrow_type.h"
#include "engine/batch/change_batch.h"
#include "engine/batch/list_column.h"
#include "engine/state/key.h"
#include "engine/task/adopted_views.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/json.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr size_t kFew = 20;

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

DataType ElementOf(const arrow::ListArray& lists) {
  for (DataType element : {DataType::kBool, DataType::kInt64, DataType::kDouble, DataType::kString,
                           DataType::kBytes}) {
    if (lists.value_type()->Equals(ArrowType(element))) return element;
  }
  return DataType::kTimestamp;
}

std::string Cell(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return "null";
  switch (array.type_id()) {
    case arrow::Type::TIMESTAMP:
      return TrimTime(static_cast<const arrow::TimestampArray&>(array).Value(row));
    case arrow::Type::DOUBLE:
      return Cell(Value(static_cast<const arrow::DoubleArray&>(array).Value(row)),
                  DataType::kDouble);
    case arrow::Type::LIST: {
      DataType element = ElementOf(static_cast<const arrow::ListArray&>(array));
      std::string list;
      ReadList(array, row, element, &list);
      return Cell(ToValue(Scalar::List(list), ListOf(element)), ListOf(element));
    }
    default:
      return array.GetScalar(row).ValueOrDie()->ToString();
  }
}

Value KeyPart(const std::string& cell, v1::DataType type) {
  if (type == v1::INT64) return int64_t{std::stoll(cell)};
  return cell;
}

void AppendRowsOf(int view, const std::vector<ChangeBatch>& batches, TextTable* table) {
  for (const ChangeBatch& batch : batches) {
    if (batch.view == view) AppendRows(*batch.rows, table);
  }
}

int IndexOf(const v1::Project& project, const std::string& view_name) {
  for (int i = 0; i < project.feature_views_size(); ++i) {
    if (project.feature_views(i).name() == view_name) return i;
  }
  return -1;
}

// The last view is not there all the time.
bool HasLateView(Way way) { return way >= Way::kViewAdded; }

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = testing::TempDir() + "scenario.XXXXXX";
  path_ = mkdtemp(pattern.data());
}

TemporaryFolder::~TemporaryFolder() { std::filesystem::remove_all(path_); }

std::string Text(const TextTable& table) {
  std::string text;
  for (const auto& row : table.rows) {
    for (const std::string& cell : row) text += cell + "  ";
    text += '\n';
  }
  return text;
}

void AppendRows(const arrow::RecordBatch& rows, TextTable* table) {
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    std::vector<std::string>& cells = table->rows.emplace_back();
    for (const std::string& column : table->columns) {
      auto array = rows.GetColumnByName(column);
      if (array == nullptr) array = rows.GetColumnByName("_" + column);
      if (array == nullptr) array = rows.GetColumnByName("_source_" + column);
      cells.push_back(array == nullptr ? "no such column" : Cell(*array, row));
    }
  }
}

std::vector<RawRecord> RawRecordsOf(const Scenario& scenario) {
  std::vector<RawRecord> records;
  for (const ScenarioRecord& record : scenario.records) {
    RawRecord& raw = records.emplace_back();
    raw.offset = Offset(static_cast<int64_t>(records.size()) - 1);
    raw.timestamp = record.timestamp;
    (record.erases.empty() ? raw.value : raw.key) = record.value;
  }
  return records;
}

ReadControlRecord ControlsOf(const Scenario& scenario, const v1::Project& project) {
  return [&](const RawRecord& record) -> std::optional<ControlRecord> {
    const std::string& name = scenario.records[record.offset.value()].erases;
    if (name.empty()) return std::nullopt;
    KeyTextReader keys(*FindEntity(project, name));
    return ControlRecord{.erasure = KeyErasure{.offset = record.offset,
                                               .entity = name,
                                               .key = keys.Read(*record.key).value(),
                                               .timestamp = record.timestamp}};
  };
}

ScenarioRun::ScenarioRun(const Scenario& scenario, Way way) : scenario_(scenario), way_(way) {
  std::filesystem::create_directories(folder_.path() / "features");
  std::ofstream(folder_.path() / "forebay.yaml") << "project: scenario\n"
                                                    "kafka: {bootstrap.servers: none}\n";
  std::ofstream(folder_.path() / "features" / "all.yaml") << scenario.definitions;
  absl::StatusOr<LoadedProject> loaded = LoadProject(folder_.path(), nullptr);
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  if (!loaded.ok()) return;
  loaded_ = std::make_unique<LoadedProject>(*std::move(loaded));
  plans_ = PlanTasks(*loaded_->project).value();
  rows_ = std::make_unique<RowsSink>(project());
  newest_ = std::make_unique<RowsSink>(
      project(), WantedSteps{WantedSteps::Which::kNewestOfCut,
                             /*expiry=*/way_ != Way::kStraight && way_ != Way::kRestarted});
  stores_ = std::make_unique<StoreFactory>(folder_.path(), StoreLimits());
  records_ = RawRecordsOf(scenario_);
  if (plans_[0].views.size() > 1) FeedWithoutLast();
  Open(plans_);
  Feed(records_.size());
}

// Until all views are to be there.
void ScenarioRun::FeedWithoutLast() {
  const size_t there = records_.size() * 2 / 3;
  const v1::FeatureView& last = *project().feature_views().rbegin();
  before_ = project();
  before_.mutable_feature_views()->rbegin()->set_disabled(true);
  plans_before_ = PlanTasks(before_).value();
  plans_before_[0].kept = {{last.name(), last.version()}};
  switch (way_) {
    case Way::kViewAdded:
      Open(plans_before_);
      Feed(there);
      Open(plans_);
      return Feed(there / 2);
    case Way::kLaneBehind:
      Open(plans_before_);
      Feed(there);
      return FeedLane(there / 2);
    case Way::kLaneAhead:
      Open(plans_before_);
      Feed(there / 2);
      return FeedLane(there);
    case Way::kEnabled:
      Open(plans_);
      Feed(there / 2);
      Open(plans_before_);
      return Feed(there);
    default:
      return;
  }
}

void ScenarioRun::FeedLane(size_t end) {
  lane_ = project();
  for (int i = 0; i + 1 < lane_.feature_views_size(); ++i)
    lane_.mutable_feature_views(i)->set_disabled(true);
  plans_lane_ = PlanTasks(lane_).value();
  plans_lane_[0].reports_refused = false;
  plans_lane_[0].archive.reset();
  std::unique_ptr<StoreFactory> stores = std::exchange(
      stores_, std::make_unique<StoreFactory>(folder_.path() / "lane", StoreLimits()));
  Open(plans_lane_);
  Feed(end / 2);
  Open(plans_lane_);
  Feed(end);
  task_.reset();
  std::swap(stores, stores_);
  const TaskId id{plans_[0].topic, PartitionId(0)};
  std::unique_ptr<StateStore> lane = stores->Open(id).value();
  std::unique_ptr<StateStore> store = stores_->Open(id).value();
  absl::Status adopted = AdoptLane(*lane, store.get());
  ASSERT_TRUE(adopted.ok()) << adopted;
}

void ScenarioRun::Open(const std::vector<TaskPlan>& plans) {
  TaskId id{plans[0].topic, PartitionId(0)};
  // A view that is new begins before what the others had made.
  if (HasLateView(way_)) complete_before_ = KnownTime::Min();
  size_t hot_bytes = way_ == Way::kCold ? 0 : size_t{1} << 30;
  task_.reset();
  absl::StatusOr<std::unique_ptr<StateStore>> store = stores_->Open(id);
  ASSERT_TRUE(store.ok()) << store.status();
  absl::StatusOr<std::unique_ptr<Task>> task =
      Task::Open(plans[0], id, 1, {.next = Offset(static_cast<int64_t>(records_.size()))},
                 *std::move(store), hot_bytes);
  ASSERT_TRUE(task.ok()) << task.status();
  task_ = *std::move(task);
  task_->DeliverTo({rows_.get(), newest_.get()});
}

// What a task has said to be complete stays so (S6).
void ScenarioRun::ExpectNoneBefore(KnownTime complete, const arrow::RecordBatch& rows) {
  int column = EffectiveTimeColumn(*rows.schema()) + kEffectiveTimeColumn;
  const auto& times = static_cast<const arrow::TimestampArray&>(*rows.column(column));
  for (int64_t row = 0; row < times.length(); ++row) {
    ASSERT_GE(times.Value(row), complete.value()) << "row " << row;
  }
}

void ScenarioRun::Feed(size_t end) {
  const TaskPlan& plan = task_->plan();
  auto begin = static_cast<size_t>(task_->position().value() + 1);
  size_t step = way_ == Way::kStraight || HasLateView(way_) ? end - begin : 1;
  for (size_t at = begin; at < end; at += step) {
    EventDecoder decoder =
        EventDecoder::Make(*plan.source, plan.columns, nullptr, ControlsOf(scenario_, project()))
            .value();
    EventBatch batch = decoder.Decode(absl::MakeSpan(records_).subspan(at, step)).value();
    absl::Status applied = task_->Apply(batch);
    ASSERT_TRUE(applied.ok()) << applied;
    // A commit costs a disk sync: of many records, one now and then.
    bool commits = end <= kFew || (at + step) % kFew == 0 || at + step >= end;
    Cut(commits);
    if (commits && way_ == Way::kRestarted) Open(plans_);
  }
}

void ScenarioRun::Cut(bool state) {
  TaskCut cut = task_->Cut(state ? CutOf::kStateAtOnce : CutOf::kOutputs);
  TaskOutput& output = cut.output;
  ExpectNewest(output);
  for (const ChangeBatch& changes : rows_->RowsOf(output)) {
    ExpectNoneBefore(complete_before_, *changes.rows);
    changes_.push_back(changes);
  }
  complete_before_ = output.complete_before;
  for (DeadLetter& letter : output.dead_letters) dead_letters_.push_back(std::move(letter));
  if (!state) return;
  ASSERT_TRUE(task_->Commit(cut).ok());
  task_->Durable(cut.number());
}

void ScenarioRun::ExpectNewest(const TaskOutput& output) const {
  const bool expiry = newest_->Wants(0).expiry;
  std::set<int> views;
  for (const ChangeBatch& batch : rows_->RowsOf(output)) views.insert(batch.view);
  for (const ChangeBatch& batch : newest_->RowsOf(output)) views.insert(batch.view);
  for (int i : views) {
    const v1::FeatureView& view = project().feature_views(i);
    const v1::Entity& entity = *FindEntity(project(), view.entity());
    TextTable all{ChangeSchema(view, entity)->field_names(), {}};
    TextTable newest = all;
    AppendRowsOf(i, rows_->RowsOf(output), &all);
    AppendRowsOf(i, newest_->RowsOf(output), &newest);
    const auto op = all.columns.size() - 1 - kViewVersionColumn + kOpColumn;
    std::vector<std::vector<std::string>> expected;
    std::set<std::vector<std::string>> keys;
    for (auto row = all.rows.rbegin(); row != all.rows.rend(); ++row) {
      if (!expiry && (*row)[op] == "expire") continue;
      if (keys.emplace(row->begin(), row->begin() + entity.keys_size()).second)
        expected.push_back(*row);
    }
    all.rows.assign(expected.rbegin(), expected.rend());
    EXPECT_EQ(Text(newest), Text(all)) << view.name();
  }
}

TextTable ScenarioRun::Changes(const std::string& view,
                               const std::vector<std::string>& columns) const {
  TextTable table{columns, {}};
  AppendRowsOf(IndexOf(project(), view), changes_, &table);
  return table;
}

std::string ScenarioRun::AllChanges() const {
  std::string text;
  for (const v1::FeatureView& view : project().feature_views()) {
    const v1::Entity& entity = *FindEntity(project(), view.entity());
    text +=
        view.name() + "\n" + Text(Changes(view.name(), ChangeSchema(view, entity)->field_names()));
  }
  return text;
}

TextTable ScenarioRun::DeadLetters() const {
  TextTable table{{"offset", "reason", "view"}, {}};
  std::vector<DeadLetter> letters = dead_letters_;
  std::stable_sort(letters.begin(), letters.end(),
                   [](const auto& a, const auto& b) { return a.offset < b.offset; });
  for (const DeadLetter& letter : letters) {
    table.rows.push_back({std::to_string(letter.offset.value()),
                          std::string(RejectReasonName(letter.reason)),
                          letter.view.empty() ? "-" : letter.view});
  }
  return table;
}

ViewRow ScenarioRun::Lookup(int view, const std::vector<Value>& key, int64_t at) const {
  const v1::Entity& entity = *FindEntity(project(), project().feature_views(view).entity());
  return task_->Lookup(view, EncodeKey(entity, key), KnownTime(at)).value();
}

std::vector<std::string> ScenarioRun::Lookup(const std::string& view_name,
                                             const std::vector<std::string>& columns,
                                             const std::vector<std::string>& asked) const {
  int index = IndexOf(project(), view_name);
  const v1::FeatureView& view = project().feature_views(index);
  const v1::Entity& entity = *FindEntity(project(), view.entity());
  std::vector<Value> key;
  for (int i = 0; i < entity.keys_size(); ++i) {
    key.push_back(KeyPart(asked[i], entity.keys(i).type()));
  }
  ViewRow row = Lookup(index, key, ParseTime(asked[key.size()]).value());
  std::vector<std::string> cells(asked.begin(), asked.begin() + entity.keys_size() + 1);
  for (size_t column = cells.size(); column < columns.size(); ++column) {
    if (columns[column] == "found") {
      cells.push_back(row.found ? "true" : "false");
    } else if (columns[column] == "effective_time") {
      cells.push_back(row.found ? TrimTime(row.effective_time.value()) : "-");
    }
    for (int i = 0; i < view.features_size(); ++i) {
      if (view.features(i).name() != columns[column]) continue;
      cells.push_back(Cell(row.values[i], static_cast<DataType>(view.features(i).type())));
    }
  }
  return cells;
}

}  // namespace forebay
