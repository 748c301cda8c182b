#include "offline/sink/offline_sink.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "engine/batch/archive_batch.h"
#include "engine/task/change_rows.h"
#include "forebay/v1/definition.pb.h"
#include "offline/sink/row_hole.h"
#include "offline/sink/store_probe.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

Offset LastOffset(const arrow::RecordBatch& rows) {
  return SourceOffset(rows, rows.num_rows() - 1);
}

OfflineSinkOptions WithDefaults(OfflineSinkOptions options) {
  if (!options.now_us) options.now_us = [] { return absl::ToUnixMicros(absl::Now()); };
  if (!options.say) options.say = [](const std::string&) {};
  return options;
}

}  // namespace

OfflineSink::OfflineSink(const v1::Project& project, OfflineSinkOptions options)
    : project_(project), options_(WithDefaults(std::move(options))) {
  std::map<TableId, std::string> made_of(options_.fingerprints.begin(),
                                         options_.fingerprints.end());
  for (const v1::FeatureView& view : project.feature_views()) {
    tables_.push_back({.id = {view.name(), view.version()},
                       .schema = ChangeSchema(view, *FindEntity(project, view.entity())),
                       .kept = view.history() == v1::FeatureView::ON});
  }
  for (const v1::Source& source : project.sources()) {
    if (!source.archive()) continue;
    tables_.push_back({.id = TableId::OfEvents(source.name()),
                       .schema = ArchiveSchema(source),
                       .topic = source.topic()});
    made_of[tables_.back().id] = source.topic();
  }
  flush_ =
      std::make_unique<TableFlush>(options_.warehouse, project.name(), options_.parquet_encoding,
                                   options_.now_us, std::move(made_of));
  thread_ = std::thread([this] { RunFlushes(); });
}

OfflineSink::~OfflineSink() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  thread_.join();
}

absl::Status OfflineSink::CheckWritable() {
  if (std::any_of(tables_.begin(), tables_.end(), [](const Table& table) { return table.kept; })) {
    RETURN_IF_ERROR(ProbeStore(options_.warehouse.get(), "warehouse"));
  }
  return ProbeStore(OpenObjectStore(StoreUri::Folder(options_.state_folder)).get(), "state folder");
}

void OfflineSink::Expect(absl::Span<const TaskId> tasks) {
  absl::MutexLock flush_lock(&flush_mutex_);
  flush_->Expect(tasks);
}

absl::StatusOr<Offset> OfflineSink::Open(const TaskId& task) {
  absl::MutexLock flush_lock(&flush_mutex_);
  LetGo(task);
  auto state = std::make_shared<TaskState>();
  absl::MutexLock state_lock(&state->mutex);
  ASSIGN_OR_RETURN(state->log, ChangeLog::Open(ChangeLogFolder(options_.state_folder, task.topic,
                                                               task.partition)));
  CountPending(state.get());
  Offset most(-1);
  for (const Table& table : tables_) {
    Offset& held = state->held.emplace_back(-1);
    Offset& in_table = state->in_table.emplace_back(-1);
    state->last_rows.emplace_back(std::nullopt);
    if (!table.HasRowsOf(task)) continue;
    ASSIGN_OR_RETURN(std::optional<Offset> table_position,
                     flush_->HeldPosition(table.id, *table.schema, task));
    if (table_position) in_table = *table_position;
    held = in_table;
    auto in_log = state->log->recovered_rows().find(table.id);
    if (in_log != state->log->recovered_rows().end())
      held = std::max(held, in_log->second.back().position);
    most = std::max(most, held);
  }
  absl::MutexLock lock(&mutex_);
  tasks_[task] = state;
  return most;
}

std::shared_ptr<OfflineSink::TaskState> OfflineSink::Find(const TaskId& task) const {
  absl::MutexLock lock(&mutex_);
  auto found = tasks_.find(task);
  return found == tasks_.end() ? nullptr : found->second;
}

OfflineSink::TaskStates OfflineSink::Tasks() const {
  absl::MutexLock lock(&mutex_);
  return tasks_;
}

void OfflineSink::LetGo(const TaskId& task) {
  std::shared_ptr<TaskState> state = Find(task);
  if (state == nullptr) return;
  {
    absl::MutexLock lock(&mutex_);
    tasks_.erase(task);
  }
  absl::MutexLock lock(&state->mutex);
  state->failed.Update(
      absl::CancelledError(fmt::format("the offline sink has let go of task {}", task.ToString())));
  state->log = nullptr;
}

size_t OfflineSink::TableOf(const TaskId& task, int view) const {
  if (view != ChangeBatch::kEvents) return static_cast<size_t>(view);
  auto archive = std::find_if(tables_.begin(), tables_.end(), [&](const Table& table) {
    return table.id.is_archive() && table.HasRowsOf(task);
  });
  return archive - tables_.begin();
}

absl::Status OfflineSink::CheckRow(const TaskId& task, const LastRow& row, TaskState* state,
                                   std::optional<ArchiveGap>* gap) {
  const size_t index = TableOf(task, row.view);
  const TableId& id = tables_[index].id;
  const ChangeLog& log = *state->log;
  auto in_log = log.recovered_rows().find(id);
  std::optional<RowHole> hole =
      FindRowHole(state->in_table[index],
                  in_log == log.recovered_rows().end() ? absl::Span<const RowRun>()
                                                       : absl::MakeConstSpan(in_log->second),
                  row.offset);
  if (hole) {
    return absl::FailedPreconditionError(
        DescribeRowHole(*hole, task, id, options_.warehouse->Describe(OfflineTablePath(id)),
                        log.folder(), options_.state_folder));
  }
  const bool made_none = row.offset && row.offset->value() < 0;
  if (made_none && row.after > state->held[index])
    *gap = ArchiveGap{state->held[index] + 1, row.after};
  state->last_rows[index] = row.offset;
  return absl::OkStatus();
}

absl::Status OfflineSink::CheckRows(const TaskId& task, absl::Span<const LastRow> rows) {
  std::shared_ptr<TaskState> state = Find(task);
  if (state == nullptr) return absl::OkStatus();
  for (const LastRow& row : rows) {
    std::optional<ArchiveGap> gap;
    {
      absl::MutexLock lock(&state->mutex);
      RETURN_IF_ERROR(CheckRow(task, row, state.get(), &gap));
    }
    if (gap) RETURN_IF_ERROR(NoteGap(task, tables_[TableOf(task, row.view)], *gap));
  }
  return absl::OkStatus();
}

absl::Status OfflineSink::NoteGap(const TaskId& task, const Table& archive, const ArchiveGap& gap) {
  absl::MutexLock flush_lock(&flush_mutex_);
  RETURN_IF_ERROR(flush_->NoteGap(archive.id, *archive.schema, task, gap));
  options_.say(fmt::format(
      "the event archive {} lacks the records of {} from offset {} to {}, which were read while it "
      "was off or were gone before; that is kept in its property forebay.gaps",
      options_.warehouse->Describe(OfflineTablePath(archive.id)), task.ToString(),
      gap.first.value(), gap.last.value()));
  return absl::OkStatus();
}

WantedSteps OfflineSink::Wants(int view) const {
  return {tables_[view].kept ? WantedSteps::Which::kEvery : WantedSteps::Which::kNone};
}

std::unique_ptr<SinkPart> OfflineSink::Prepare(const TaskId& task) {
  std::shared_ptr<TaskState> state = Find(task);
  if (state == nullptr) return std::make_unique<ChangeRows>(project_, task.partition);
  return std::make_unique<ChangeRows>(
      project_, task.partition, options_.early_bytes,
      [this, state](absl::Span<const ChangeBatch> rows, const TaskOutput& output, bool must) {
        return KeepEarly(state.get(), rows, output, must);
      });
}

// An error is told by the commit. While the log is synced, there is time enough.
bool OfflineSink::KeepEarly(TaskState* state, absl::Span<const ChangeBatch> rows,
                            const TaskOutput& output, bool must) {
  if (must) {
    state->mutex.Lock();
  } else if (!state->mutex.TryLock()) {
    return false;
  }
  Append(output, rows, state).IgnoreError();
  state->mutex.Unlock();
  WakeFlushes();
  return true;
}

// Rows that did not get there are lost to the log: it takes no others behind them.
absl::Status OfflineSink::Append(const TaskOutput& output, absl::Span<const ChangeBatch> rows,
                                 TaskState* state) {
  if (state->failed.ok()) state->failed = WriteFrame(output, rows, state);
  return state->failed;
}

absl::Status OfflineSink::WriteFrame(const TaskOutput& output, absl::Span<const ChangeBatch> rows,
                                     TaskState* state) {
  ChangeFrame frame{.first_position = Offset::Max(),
                    .position = output.position,
                    .clock = output.clock,
                    .complete_before = output.complete_before};
  for (const ChangeBatch& batch : rows) {
    const size_t table = TableOf(output.task, batch.view);
    std::shared_ptr<arrow::RecordBatch> lacking = RowsAfter(batch.rows, state->held[table]);
    Offset last = LastOffset(*batch.rows);
    std::optional<Offset> previous = std::exchange(state->last_rows[table], last);
    if (lacking == nullptr) continue;
    if (last > output.position) {
      return absl::InternalError(fmt::format(
          "task {} is at position {} but made a row of {} at offset {}", output.task.ToString(),
          output.position.value(), tables_[table].id.ToString(), last.value()));
    }
    frame.first_position = std::min(frame.first_position, SourceOffset(*lacking, 0));
    frame.sections.push_back({tables_[table].id, std::move(lacking), previous});
  }
  if (frame.sections.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(state->log->Append(frame));
  CountPending(state);
  return absl::OkStatus();
}

absl::Status OfflineSink::Sync(TaskState* state) {
  if (state->failed.ok()) state->failed = state->log->Sync();
  return state->failed;
}

void OfflineSink::CountPending(TaskState* state) {
  int64_t bytes = state->log->active_bytes();
  for (const ClosedSegment& segment : state->log->closed()) bytes += segment.bytes;
  state->pending_bytes.store(bytes, std::memory_order_relaxed);
}

absl::Status OfflineSink::Commit(absl::Span<const TaskOutput* const> outputs) {
  absl::Status first_error;
  std::vector<std::pair<const TaskOutput*, std::shared_ptr<TaskState>>> written;
  for (const TaskOutput* output : outputs) {
    std::shared_ptr<TaskState> state = Find(output->task);
    if (state == nullptr) {
      first_error.Update(absl::InternalError(fmt::format(
          "task {} commits to the offline sink but is not open there", output->task.ToString())));
      continue;
    }
    const auto* rows = output->PartOf<ChangeRows>(this);
    absl::MutexLock lock(&state->mutex);
    absl::Status status = Append(
        *output, rows == nullptr ? absl::Span<const ChangeBatch>() : rows->batches(), state.get());
    first_error.Update(status);
    if (!status.ok()) continue;
    state->log->StartSync();
    written.emplace_back(output, std::move(state));
  }
  for (auto& [output, state] : written) {
    absl::MutexLock lock(&state->mutex);
    absl::Status status = Sync(state.get());
    first_error.Update(status);
    if (!status.ok()) continue;
    for (Offset& held : state->held) held = std::max(held, output->position);
    if (state->log->active_bytes() >= options_.flush_bytes) state->log->Rotate();
  }
  WakeFlushes();
  return first_error;
}

absl::Status OfflineSink::Close(const TaskId& task) {
  absl::Status status = FlushAll();
  Lose(task);
  return status;
}

void OfflineSink::Lose(const TaskId& task) {
  absl::MutexLock flush_lock(&flush_mutex_);
  LetGo(task);
}

int64_t OfflineSink::PendingBytes() const {
  int64_t bytes = 0;
  for (const auto& [task, state] : tasks_)
    bytes += state->pending_bytes.load(std::memory_order_relaxed);
  return bytes;
}

int64_t OfflineSink::pending_bytes() const {
  absl::MutexLock lock(&mutex_);
  return PendingBytes();
}

absl::Status OfflineSink::last_flush_error() const {
  absl::MutexLock lock(&mutex_);
  return last_flush_error_;
}

// The oldest segments of every task, about flush_bytes together; those still written to are closed.
std::vector<TaskBacklog> OfflineSink::TakeBacklog() {
  std::vector<TaskBacklog> backlog;
  int64_t bytes = 0;
  for (const auto& [task, state] : Tasks()) {
    absl::MutexLock lock(&state->mutex);
    if (Sync(state.get()).ok()) state->log->Rotate();
    TaskBacklog taken{.task = task};
    for (const ClosedSegment& segment : state->log->closed()) {
      if (bytes >= options_.flush_bytes) break;
      bytes += segment.bytes;
      taken.segments.push_back(segment);
    }
    if (!taken.segments.empty()) backlog.push_back(std::move(taken));
  }
  return backlog;
}

absl::Status OfflineSink::FirstFailed() const {
  absl::Status first;
  for (const auto& [task, state] : Tasks()) {
    absl::MutexLock lock(&state->mutex);
    first.Update(state->failed);
  }
  return first;
}

absl::Status OfflineSink::FlushRounds() {
  while (true) {
    std::vector<TaskBacklog> backlog = TakeBacklog();
    if (backlog.empty()) return FirstFailed();
    RETURN_IF_ERROR(flush_->Flush(backlog));
    for (const TaskBacklog& taken : backlog) {
      std::shared_ptr<TaskState> state = Find(taken.task);
      absl::MutexLock lock(&state->mutex);
      RETURN_IF_ERROR(state->log->Delete(taken.segments));
      CrashPoint("flush.segments_deleted");
      CountPending(state.get());
    }
  }
}

// The thread that flushes looks again how much is pending.
void OfflineSink::WakeFlushes() { absl::MutexLock lock(&mutex_); }

absl::Status OfflineSink::FlushAll() {
  absl::MutexLock flush_lock(&flush_mutex_);
  absl::Status status = FlushRounds();
  absl::MutexLock lock(&mutex_);
  last_flush_error_ = status;
  return status;
}

void OfflineSink::RunFlushes() {
  absl::Duration retry = absl::ZeroDuration();
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      auto due = [this, failed = retry > absl::ZeroDuration()]()
                     ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
                       return stop_ || (!failed && PendingBytes() >= options_.flush_bytes);
                     };
      mutex_.AwaitWithTimeout(absl::Condition(&due),
                              retry > absl::ZeroDuration() ? retry : options_.flush_interval);
      if (stop_) return;
    }
    if (FlushAll().ok()) {
      retry = absl::ZeroDuration();
    } else {
      retry = std::min(std::max(retry * 2, options_.first_retry), options_.longest_retry);
    }
  }
}

}  // namespace forebay
