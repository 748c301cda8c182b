#include "engine/task/task.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/state/key.h"
#include "engine/task/archive_rows.h"
#include "engine/task/stored_views.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {

Task::ViewTask::ViewTask(const ViewTaskPlan& plan, const EventColumns& of_task, uint32_t stored_id,
                         const PartStart& start, ViewCoverage* coverage)
    : plan(plan),
      prefix(StoredPrefix(stored_id)),
      start(start),
      coverage(coverage),
      clock(start.clock),
      columns(plan, of_task),
      tiles(plan.tiles),
      outlet(plan) {}

Task::Task(const TaskPlan& plan, TaskId id, int partition_count, std::unique_ptr<StateStore> store,
           size_t hot_bytes)
    : plan_(plan),
      id_(std::move(id)),
      partition_count_(partition_count),
      store_(std::move(store)),
      hot_budget_(plan.views.empty() ? hot_bytes : hot_bytes / plan.views.size()),
      columns_(plan.computed, *plan.event_schema) {
  output_.task = id_;
}

Task::~Task() = default;

std::optional<KnownTime> Task::clock() const {
  int64_t clock = shared_clock_.load(std::memory_order_acquire);
  if (clock == Window::kAlways) return std::nullopt;
  return KnownTime(clock);
}

absl::Status Task::Apply(const EventBatch& batch) {
  if (order_ == nullptr) {
    RETURN_IF_ERROR(ApplyRows(batch, batch.rejected));
  } else {
    int64_t duplicates = order_->duplicates();
    ASSIGN_OR_RETURN(EventBatch due, order_->Add(batch));
    Add(statistics_.consumed, order_->duplicates() - duplicates);
    Add(statistics_.duplicate, order_->duplicates() - duplicates);
    RETURN_IF_ERROR(ApplyRows(due, batch.rejected));
  }
  position_ = std::max(position_, batch.last_offset);
  output_.position = position_;
  output_.clock = KnownTime(clock_);
  output_.complete_before = complete_before();
  GiveNewest(WantedSteps::Which::kNewestOfBatch);
  PublishStatistics();
  PublishClocks();
  return absl::OkStatus();
}

absl::Status Task::ApplyRows(const EventBatch& batch, const std::vector<RejectedRecord>& rejected) {
  auto step_offset = [&](size_t row) {
    return batch.step_offsets.empty() ? batch.records[row].offset : batch.step_offsets[row];
  };
  if (batch.size() > 0) {
    columns_.Evaluate(*batch.columns);
    for (auto& view : views_) {
      if (step_offset(batch.size() - 1) <= view->start.after) continue;
      view->columns.Take();
      RETURN_IF_ERROR(LoadEntries(view.get(), static_cast<int64_t>(batch.size())));
    }
    for (Forward& forward : forwards_) forward.keys.Encode(*batch.columns);
    if (archive_) ArchiveEvents(batch);
  }
  size_t next_rejected = 0, next_erasure = 0;
  for (size_t row = 0; row < batch.size(); ++row) {
    PrefetchEntries(static_cast<int64_t>(row));
    Offset offset = step_offset(row);
    if (next_rejected < rejected.size()) ApplyRejected(batch, rejected, offset, &next_rejected);
    if (!batch.erasures.empty()) RETURN_IF_ERROR(ApplyErasures(batch, row, &next_erasure));
    StepTo(offset);
    RETURN_IF_ERROR(ApplyRecord(batch, row));
  }
  RETURN_IF_ERROR(ApplyErasures(batch, batch.size(), &next_erasure));
  ApplyRejected(batch, rejected, Offset::Max(), &next_rejected);
  return absl::OkStatus();
}

// Steps carry the offset from now on (S10).
void Task::StepTo(Offset offset) {
  if (offset.value() == offset_) return;
  offset_ = offset.value();
  for (auto& view : views_) view->next_ordinal = 0;
}

// Whatever the views do with them.
void Task::ArchiveEvents(const EventBatch& batch) {
  auto first =
      std::upper_bound(batch.records.begin(), batch.records.end(), archive_->start.after,
                       [](Offset after, const RawRecord& record) { return after < record.offset; });
  if (first == batch.records.end()) return;
  const int keys = plan_.archive->keys;
  std::shared_ptr<arrow::RecordBatch> rows =
      MakeArchiveRows(*plan_.archive, batch, first - batch.records.begin(), id_.partition,
                      keys == ColumnsPlan::kNone ? nullptr : &columns_.keys(keys));
  for (auto& [sink, part] : output_.parts) part->TakeEvents(rows);
  archive_->last_row = batch.records.back().offset;
  Add(statistics_.archived, rows->num_rows());
}

// Those before offset `end`, from number `*next` on. They move nothing (S1).
void Task::ApplyRejected(const EventBatch& batch, const std::vector<RejectedRecord>& rejected,
                         Offset end, size_t* next) {
  for (; *next < rejected.size() && rejected[*next].record.offset < end; ++*next) {
    const RejectedRecord& record = rejected[*next];
    if (record.record.offset > read_before_ && plan_.reports_refused) {
      AddDeadLetter(batch, record.record, record.record.offset, record.reason, nullptr,
                    record.detail);
    }
    Add(statistics_.consumed, 1);
    Add(statistics_.dead_lettered, 1);
  }
}

// The records of some parts begin after those that they have.
void Task::JoinParts() {
  next_join_ = Offset::Max();
  auto join = [&](const PartStart& start, ViewCoverage* coverage) {
    if (offset_ <= start.after.value()) {
      next_join_ = std::min(next_join_, start.after);
      return;
    }
    clock_ = std::max(clock_, start.clock);
    if (coverage->complete_from.load(std::memory_order_relaxed) == PartStart::kNoRecordYet)
      coverage->complete_from.store(clock_, std::memory_order_relaxed);
  };
  for (const auto& view : views_) join(view->start, view->coverage);
  for (const Forward& forward : forwards_) {
    for (ViewCoverage* coverage : forward.coverage) join(forward.start, coverage);
  }
}

// S3, and S9 for the counts.
absl::Status Task::ApplyRecord(const EventBatch& batch, size_t row) {
  Add(statistics_.consumed, 1);
  sequence_ = order_ == nullptr ? offset_ : sequence_ + 1;
  clock_ = std::max(clock_, batch.known_times[row].value());
  if (offset_ > next_join_.value()) JoinParts();
  bool applied = false, late = false, rejected = false;
  auto count = [&](Disposition disposition) {
    applied = applied || disposition == Disposition::kApplied;
    late = late || disposition == Disposition::kLate;
    rejected = rejected || disposition == Disposition::kRejected;
  };
  for (auto& view : views_) {
    if (offset_ <= view->start.after.value()) continue;
    count(ApplyToView(batch, row, view.get()));
  }
  for (Forward& forward : forwards_) {
    if (offset_ > forward.start.after.value()) count(ForwardRecord(batch, row, &forward));
  }
  Add(applied    ? statistics_.applied
      : late     ? statistics_.late
      : rejected ? statistics_.dead_lettered
                 : statistics_.filtered,
      1);
  for (auto& view : views_) {
    if (offset_ > view->start.after.value()) RETURN_IF_ERROR(WriteDueSteps(view.get()));
  }
  return absl::OkStatus();
}

Task::Disposition Task::ApplyToView(const EventBatch& batch, size_t row, ViewTask* of) {
  ViewTask& view = *of;
  if (!view.columns.keys().IsValid(row)) return RejectNullKey(batch, row, view);
  if (!view.columns.Passes(row)) return Disposition::kFiltered;
  HotEntry* entry = view.entries[row];
  int64_t event_time = batch.event_times[row].value();
  view.tiles.MoveTo(event_time);
  view.hot.BeforeChange(entry);
  SpinLockHolder lock(&entry->lock);
  if (clock_ <= view.erased_until && !entry->exists) entry->state.StartAfter(view.erased_until);
  // Steps that are wanted wait until the event is taken.
  int64_t effective = view.plan.steps == Steps::kNone ? entry->state.Advance(clock_)
                                                      : entry->state.NextEffective(clock_);
  if (!view.tiles.Taken(effective)) return RejectLate(batch, row, view, effective);
  int64_t timer = MakeStepsBefore(&view, entry, effective);
  entry->state.Apply(
      {event_time, sequence_, static_cast<int64_t>(row), view.columns.inputs(), &view.tiles},
      effective);
  entry->exists = true;
  AfterEvent(&view, entry, timer, batch.known_times[row].value());
  return Disposition::kApplied;
}

Task::Disposition Task::RejectNullKey(const EventBatch& batch, size_t row, const ViewTask& view) {
  AddDeadLetter(
      batch, batch.records[row], Offset(offset_), RejectReason::kNullKey, view.plan.definition,
      fmt::format("a key column of entity {} is null or missing", view.plan.entity->name()));
  return Disposition::kRejected;
}

Task::Disposition Task::RejectLate(const EventBatch& batch, size_t row, const ViewTask& view,
                                   int64_t effective) {
  AddDeadLetter(batch, batch.records[row], Offset(offset_), RejectReason::kLate,
                view.plan.definition,
                fmt::format("no window of the view still takes {}: the step would be effective {}",
                            FormatTime(batch.event_times[row].value()), FormatTime(effective)));
  return Disposition::kLate;
}

Task::Disposition Task::ForwardRecord(const EventBatch& batch, size_t row, Forward* forward) {
  const RawRecord& record = batch.records[row];
  const v1::Entity& entity = *forward->plan->entity;
  if (!forward->keys.IsValid(row)) {
    return RejectForward(
        batch, row, *forward, RejectReason::kNullKey,
        fmt::format("a key column of entity {} is null or missing", entity.name()));
  }
  std::string key = KeyText(entity, forward->keys.Parts(*batch.columns, row));
  std::optional<std::string> value = batch.bytes->Value(record);
  size_t bytes = key.size() + (value ? value->size() : 0);
  if (bytes > forward->plan->most_bytes) {
    return RejectForward(batch, row, *forward, RejectReason::kEventTooLarge,
                         fmt::format("the event has {} bytes with its key, and the topic takes {}",
                                     bytes, forward->plan->most_bytes));
  }
  ForwardedRecord& forwarded = output_.forwarded.emplace_back();
  forwarded.entity = entity.name();
  forwarded.key = std::move(key);
  forwarded.value = std::move(value);
  forwarded.timestamp = record.timestamp;
  forwarded.known_time = batch.known_times[row];
  forwarded.origin = {id_.partition, record.offset, KnownTime(clock_)};
  record_bytes_ += sizeof forwarded + bytes;
  return Disposition::kApplied;
}

Task::Disposition Task::RejectForward(const EventBatch& batch, size_t row, const Forward& forward,
                                      RejectReason reason, const std::string& why) {
  for (const v1::FeatureView* view : forward.plan->views) {
    AddDeadLetter(
        batch, batch.records[row], Offset(offset_), reason, view,
        fmt::format("{}, so the record was not forwarded to {}", why, forward.plan->topic));
  }
  return Disposition::kRejected;
}

void Task::AddDeadLetter(const EventBatch& batch, const RawRecord& record, Offset position,
                         RejectReason reason, const v1::FeatureView* view, std::string detail) {
  DeadLetter& letter = output_.dead_letters.emplace_back();
  letter.task = id_;
  letter.offset = record.offset;
  letter.position = position;
  letter.timestamp = record.timestamp;
  letter.key = batch.bytes->Key(record);
  letter.value = batch.bytes->Value(record);
  letter.headers = batch.bytes->Headers(record);
  letter.reason = reason;
  if (view != nullptr) {
    letter.view = view->name();
    letter.view_version = view->version();
  }
  letter.detail = std::move(detail);
  record_bytes_ += sizeof letter + (letter.value ? letter.value->size() : 0);
}

void Task::DeliverTo(absl::Span<Sink* const> sinks) {
  sinks_.assign(sinks.begin(), sinks.end());
  BeginOutput(/*at_end=*/false);
}

void Task::BeginOutput(bool at_end) {
  output_ = TaskOutput{.task = id_,
                       .position = position_,
                       .clock = KnownTime(clock_),
                       .at_end = at_end,
                       .complete_before = output_.complete_before};
  record_bytes_ = 0;
  for (Sink* sink : sinks_) {
    std::unique_ptr<SinkPart> part = sink->Prepare(id_);
    if (part != nullptr) output_.parts.emplace_back(sink, std::move(part));
  }
  for (auto& view : views_) view->outlet.Connect(output_);
}

void Task::GiveNewest(WantedSteps::Which which) {
  for (auto& view : views_) view->outlet.GiveNewest(which);
  for (auto& [sink, part] : output_.parts) part->Review(&output_);
}

size_t Task::pending_bytes() const {
  size_t bytes = record_bytes_;
  for (const auto& view : views_) bytes += view->outlet.bytes();
  for (const auto& [sink, part] : output_.parts) bytes += part->bytes();
  return bytes;
}

void Task::PublishStatistics() {
  if (order_ != nullptr) {
    statistics_.waiting.store(static_cast<int64_t>(order_->waiting()), std::memory_order_relaxed);
    statistics_.forced.store(order_->forced(), std::memory_order_relaxed);
  }
  auto expression = expressions_.begin();
  auto of_view = view_statistics_.begin();
  int64_t steps = 0;
  for (const auto& view : views_) {
    steps += view->steps;
    of_view->written_updates.store(view->outlet.updates(), std::memory_order_relaxed);
    (of_view++)->coalesced_steps.store(view->outlet.coalesced(), std::memory_order_relaxed);
    (expression++)->errors.store(view->columns.WhereErrors(), std::memory_order_relaxed);
    for (int input : view->plan.tiles.input_of_aggregate()) {
      expression->errors.store(view->columns.Errors(input), std::memory_order_relaxed);
      expression->nan_values.store(view->columns.NanValues(input), std::memory_order_relaxed);
      ++expression;
    }
  }
  statistics_.changes.store(steps, std::memory_order_relaxed);
}

// Reads the states of keys: too dear for every batch.
void Task::PublishDueSteps() {
  int64_t due = 0;
  for (const DueSteps& of_view : CountDueSteps(TaskStatistics::kKeysCounted)) due += of_view.steps;
  statistics_.due_steps.store(due, std::memory_order_relaxed);
}

void Task::PublishClocks() {
  shared_clock_.store(clock_, std::memory_order_release);
  for (const auto& view : views_) {
    if (position_ > view->start.after) view->clock.store(clock_, std::memory_order_release);
  }
}

KnownTime Task::complete_before() const {
  int64_t before = clock_;
  for (const auto& view : views_) {
    if (view->plan.steps == Steps::kNone || position_ <= view->start.after) continue;
    int64_t due = view->timers.FirstDue(clock_);
    if (due == Timers::kNone) continue;
    // What is emitted is effective 1 us before its timer.
    before = std::min(before, view->plan.steps == Steps::kEmitted ? due - 1 : due);
  }
  return KnownTime(before);
}

TaskCut Task::Cut(CutOf of) {
  TaskCut cut;
  cut.moved = position_ != cut_position_;
  if (cut.moved) PublishDueSteps();
  cut_position_ = position_;
  GiveNewest(WantedSteps::Which::kNewestOfCut);
  for (auto& [sink, part] : output_.parts) part->Finish(output_);
  PublishStatistics();
  cut.output = std::move(output_);
  BeginOutput(cut.output.at_end);
  CutState(of, &cut.states);
  return cut;
}

}  // namespace forebay
