#include "engine/task/task.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

std::string StoredPrefix(uint32_t id) {
  std::string prefix;
  for (int shift = 24; shift >= 0; shift -= 8) prefix += static_cast<char>(id >> shift);
  return prefix;
}

}  // namespace

Task::ViewTask::ViewTask(const ViewTaskPlan& plan, PartitionId partition, uint32_t stored_id)
    : plan(plan),
      prefix(StoredPrefix(stored_id)),
      columns(plan),
      tiles(plan.tiles),
      finalizer(plan.tiles),
      changes(plan, partition) {}

Task::Task(const TaskPlan& plan, TaskId id, int partition_count, std::unique_ptr<StateStore> store,
           size_t hot_bytes)
    : plan_(plan),
      id_(std::move(id)),
      partition_count_(partition_count),
      store_(std::move(store)),
      hot_budget_(plan.views.empty() ? hot_bytes : hot_bytes / plan.views.size()) {
  for (const ForwardPlan& forward : plan.forwards) {
    forwards_.push_back({&forward, KeyColumn(*forward.entity, forward.key_columns)});
  }
  output_.task = id_;
}

Task::~Task() = default;

std::optional<KnownTime> Task::clock() const {
  int64_t clock = shared_clock_.load(std::memory_order_acquire);
  if (clock == Window::kAlways) return std::nullopt;
  return KnownTime(clock);
}

absl::Status Task::Apply(const EventBatch& batch) {
  int64_t rows = static_cast<int64_t>(batch.size());
  if (rows > 0) {
    for (auto& view : views_) {
      view->columns.Evaluate(*batch.columns);
      RETURN_IF_ERROR(LoadEntries(view.get(), rows));
    }
    for (Forward& forward : forwards_) forward.keys.Encode(*batch.columns);
  }
  size_t rejected = 0;
  for (size_t row = 0; row < batch.size(); ++row) {
    PrefetchEntries(static_cast<int64_t>(row));
    ApplyRejected(batch, batch.records[row].offset, &rejected);
    RETURN_IF_ERROR(ApplyRecord(batch, row));
    if (changes_full_) FinishChanges();
  }
  ApplyRejected(batch, Offset::Max(), &rejected);
  position_ = std::max(position_, batch.last_offset);
  output_.position = position_;
  output_.clock = KnownTime(clock_);
  output_.complete_before = complete_before();
  FinishChanges();
  PublishStatistics();
  shared_clock_.store(clock_, std::memory_order_release);
  return absl::OkStatus();
}

// Those before offset `end`, from number `*next` on. They move nothing (S1).
void Task::ApplyRejected(const EventBatch& batch, Offset end, size_t* next) {
  for (; *next < batch.rejected.size() && batch.rejected[*next].record.offset < end; ++*next) {
    const RejectedRecord& rejected = batch.rejected[*next];
    AddDeadLetter(batch, rejected.record, rejected.reason, "", rejected.detail);
    Add(statistics_.consumed, 1);
    Add(statistics_.dead_lettered, 1);
  }
}

bool Task::IsDuplicate(const EventBatch& batch, size_t row) {
  if (batch.origins.empty()) return false;
  const RecordOrigin& origin = batch.origins[row];
  auto [seen, first] = source_offsets_.try_emplace(origin.partition.value(), origin.offset.value());
  if (first) return false;
  if (origin.offset.value() <= seen->second) return true;
  seen->second = origin.offset.value();
  return false;
}

// S3, and S9 for the counts.
absl::Status Task::ApplyRecord(const EventBatch& batch, size_t row) {
  Add(statistics_.consumed, 1);
  if (IsDuplicate(batch, row)) {
    Add(statistics_.duplicate, 1);
    return absl::OkStatus();
  }
  offset_ = batch.records[row].offset.value();
  clock_ = std::max(clock_, batch.known_times[row].value());
  bool applied = false, late = false, null_key = false;
  auto count = [&](Disposition disposition) {
    applied = applied || disposition == Disposition::kApplied;
    late = late || disposition == Disposition::kLate;
    null_key = null_key || disposition == Disposition::kNullKey;
  };
  for (size_t view = 0; view < views_.size(); ++view) {
    views_[view]->next_ordinal = 0;
    count(ApplyToView(batch, row, static_cast<int>(view)));
  }
  for (Forward& forward : forwards_) count(ForwardRecord(batch, row, &forward));
  Add(applied    ? statistics_.applied
      : late     ? statistics_.late
      : null_key ? statistics_.dead_lettered
                 : statistics_.filtered,
      1);
  return WriteDueSteps();
}

Task::Disposition Task::ApplyToView(const EventBatch& batch, size_t row, int index) {
  ViewTask& view = *views_[index];
  if (!view.columns.keys().IsValid(row)) return RejectNullKey(batch, row, view);
  if (!view.columns.Passes(row)) return Disposition::kFiltered;
  HotEntry* entry = view.entries[row];
  int64_t event_time = batch.event_times[row].value();
  view.tiles.MoveTo(event_time);
  SpinLockHolder lock(&entry->lock);
  // Steps that are wanted wait until the event is taken.
  int64_t effective = view.plan.steps == Steps::kNone ? entry->state.Advance(clock_)
                                                      : entry->state.NextEffective(clock_);
  if (!view.tiles.Taken(effective)) return RejectLate(batch, row, view, effective);
  int64_t timer = MakeStepsBefore(index, entry, effective);
  entry->state.Apply(
      {event_time, offset_, static_cast<int64_t>(row), view.columns.inputs(), &view.tiles},
      effective);
  entry->exists = true;
  AfterEvent(index, entry, timer, batch.known_times[row].value());
  return Disposition::kApplied;
}

Task::Disposition Task::RejectNullKey(const EventBatch& batch, size_t row, const ViewTask& view) {
  AddDeadLetter(
      batch, batch.records[row], RejectReason::kNullKey, view.plan.definition->name(),
      fmt::format("a key column of entity {} is null or missing", view.plan.entity->name()));
  return Disposition::kNullKey;
}

Task::Disposition Task::RejectLate(const EventBatch& batch, size_t row, const ViewTask& view,
                                   int64_t effective) {
  AddDeadLetter(batch, batch.records[row], RejectReason::kLate, view.plan.definition->name(),
                fmt::format("no window of the view still takes {}: the step would be effective {}",
                            FormatTime(batch.event_times[row].value()), FormatTime(effective)));
  return Disposition::kLate;
}

Task::Disposition Task::ForwardRecord(const EventBatch& batch, size_t row, Forward* forward) {
  const RawRecord& record = batch.records[row];
  if (!forward->keys.IsValid(row)) {
    for (const std::string& view : forward->plan->views) {
      AddDeadLetter(batch, record, RejectReason::kNullKey, view,
                    fmt::format("a key column of entity {} is null or missing, so the record was "
                                "not forwarded to {}",
                                forward->plan->entity->name(), forward->plan->topic));
    }
    return Disposition::kNullKey;
  }
  const v1::Entity& entity = *forward->plan->entity;
  ForwardedRecord& forwarded = output_.forwarded.emplace_back();
  forwarded.entity = entity.name();
  forwarded.key = KeyText(entity, forward->keys.Parts(*batch.columns, row));
  if (record.value) forwarded.value = std::string(*record.value);
  forwarded.timestamp = record.timestamp;
  forwarded.known_time = batch.known_times[row];
  forwarded.origin = {id_.partition, record.offset};
  pending_bytes_ +=
      sizeof forwarded + forwarded.key.size() + (record.value ? record.value->size() : 0);
  return Disposition::kApplied;
}

void Task::AddDeadLetter(const EventBatch& batch, const RawRecord& record, RejectReason reason,
                         std::string view, std::string detail) {
  DeadLetter& letter = output_.dead_letters.emplace_back();
  letter.task = id_;
  letter.offset = record.offset;
  letter.timestamp = record.timestamp;
  if (record.key) letter.key = std::string(*record.key);
  if (record.value) letter.value = std::string(*record.value);
  if (batch.headers) letter.headers = batch.headers(record);
  letter.reason = reason;
  letter.view = std::move(view);
  letter.detail = std::move(detail);
  pending_bytes_ += sizeof letter + (record.value ? record.value->size() : 0);
}

void Task::FinishChanges() {
  changes_full_ = false;
  for (auto& view : views_) {
    if (view->changes.rows() == 0) continue;
    pending_bytes_ += view->changes.text_bytes();
    std::shared_ptr<arrow::RecordBatch> rows = view->changes.Finish();
    Add(statistics_.changes, rows->num_rows());
    pending_bytes_ += static_cast<size_t>(rows->num_rows() * rows->num_columns()) * sizeof(int64_t);
    output_.changes.push_back({view->plan.view, std::move(rows)});
  }
}

void Task::PublishStatistics() {
  statistics_.due_steps.store(static_cast<int64_t>(timers_.DueCount(clock_)),
                              std::memory_order_relaxed);
  auto expression = expressions_.begin();
  for (const auto& view : views_) {
    (expression++)->errors.store(view->columns.WhereErrors(), std::memory_order_relaxed);
    for (int input : view->plan.tiles.input_of_aggregate()) {
      expression->errors.store(view->columns.Errors(input), std::memory_order_relaxed);
      expression->nan_values.store(view->columns.NanValues(input), std::memory_order_relaxed);
      ++expression;
    }
  }
}

TaskOutput Task::TakeOutput() {
  TaskOutput next{.task = id_,
                  .position = position_,
                  .clock = KnownTime(clock_),
                  .complete_before = complete_before()};
  return std::exchange(output_, std::move(next));
}

KnownTime Task::complete_before() const {
  int64_t due = timers_.FirstDue(clock_);
  if (due == Timers::kNone) return KnownTime(clock_);
  // What is emitted is effective 1 us before its timer.
  bool emits = std::any_of(views_.begin(), views_.end(),
                           [](const auto& view) { return view->plan.steps == Steps::kEmitted; });
  return KnownTime(emits ? due - 1 : due);
}

TaskCut Task::Cut(CutOf of) {
  TaskCut cut;
  cut.moved = position_ != cut_position_;
  cut_position_ = position_;
  pending_bytes_ = 0;
  if (of == CutOf::kState && position_ != cut_state_position_) CutState(&cut);
  return cut;
}

void Task::CutState(TaskCut* cut) {
  cut->number = ++cuts_;
  size_t bytes = 0;
  for (const auto& view : views_) bytes += view->hot.dirty_bytes();
  cut->state = store_->NewDelta(bytes);
  std::string key, value;
  for (auto& view : views_) {
    view->hot.Cut(cut->number, [&](HotEntry& entry) {
      if (view->plan.steps == Steps::kNone) {
        SpinLockHolder lock(&entry.lock);
        entry.state.AdvanceTo(entry.state.last_effective());
      }
      key.assign(view->prefix).append(entry.key());
      if (!entry.exists) return cut->state->Delete(key);
      entry.state.Encode(&value);
      cut->state->Put(key, value);
    });
  }
  for (const std::string& forgotten : forgotten_) cut->state->Delete(forgotten);
  forgotten_.clear();
  cut->state->SetMeta(EncodeMeta());
  cut_state_position_ = position_;
}

bool Task::wants_state_cut() const {
  constexpr size_t kShare = 4;
  return std::any_of(views_.begin(), views_.end(), [this](const auto& view) {
    return view->hot.dirty_bytes() > hot_budget_ / kShare;
  });
}

void Task::Durable(uint64_t cut_number) {
  int64_t bytes = 0, keys = 0;
  for (auto& view : views_) {
    view->hot.Evict(cut_number, hot_budget_);
    bytes += static_cast<int64_t>(view->hot.bytes());
    keys += static_cast<int64_t>(view->hot.size());
  }
  statistics_.hot_bytes.store(bytes, std::memory_order_relaxed);
  statistics_.hot_keys.store(keys, std::memory_order_relaxed);
}

}  // namespace forebay
