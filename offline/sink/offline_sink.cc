#include "offline/sink/offline_sink.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "engine/task/change_rows.h"
#include "forebay/v1/definition.pb.h"
#include "offline/delta/random_id.h"
#include "offline/sink/row_hole.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

Offset LastOffset(const arrow::RecordBatch& rows) {
  return SourceOffset(rows, rows.num_rows() - 1);
}

OfflineSinkOptions WithDefaults(OfflineSinkOptions options) {
  if (!options.now_us) options.now_us = [] { return absl::ToUnixMicros(absl::Now()); };
  return options;
}

// Commits rest on it: a store that does not know it would let two writers take one version.
absl::Status CheckConditional(ObjectStore* store, const std::string& probe) {
  absl::Status again = store->PutIfAbsent(probe, "and again?", std::nullopt);
  if (absl::IsAlreadyExists(again)) return absl::OkStatus();
  RETURN_IF_ERROR(again);
  return absl::FailedPreconditionError(
      fmt::format("{} was written over although it was to be created: the object store does not "
                  "know conditional writes (If-None-Match: *), which the tables need; upgrade it, "
                  "or name another in `warehouse`",
                  store->Describe(probe)));
}

absl::Status Probe(ObjectStore* store, std::string_view what) {
  const std::string probe = ".forebay-probe-" + RandomId();
  absl::Status status = store->PutIfAbsent(probe, "is this writable?", std::nullopt);
  if (status.ok()) status = CheckConditional(store, probe);
  status.Update(store->Delete(probe));
  if (status.ok()) return status;
  return absl::Status(status.code(), fmt::format("the {} is not writable: {}", what,
                                                 std::string(status.message())));
}

}  // namespace

OfflineSink::OfflineSink(const v1::Project& project, OfflineSinkOptions options)
    : project_(project), options_(WithDefaults(std::move(options))) {
  for (const v1::FeatureView& view : project.feature_views()) {
    View& added = views_.emplace_back();
    added.id = {.name = view.name(), .version = view.version()};
    added.history = view.history() == v1::FeatureView::ON;
    for (const v1::Entity& entity : project.entities()) {
      if (entity.name() == view.entity()) added.schema = ChangeSchema(view, entity);
    }
  }
  tables_ =
      std::make_unique<TableFlush>(options_.warehouse, project.name(), options_.parquet_encoding,
                                   options_.now_us, options_.fingerprints);
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
  if (std::any_of(views_.begin(), views_.end(), [](const View& view) { return view.history; })) {
    RETURN_IF_ERROR(Probe(options_.warehouse.get(), "warehouse"));
  }
  return Probe(OpenObjectStore(StoreUri::Folder(options_.state_folder)).get(), "state folder");
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
  for (const View& view : views_) {
    Offset& held = state->held.emplace_back(-1);
    Offset& in_table = state->in_table.emplace_back(-1);
    state->last_rows.emplace_back(std::nullopt);
    if (!view.history) continue;
    ASSIGN_OR_RETURN(std::optional<Offset> table_position,
                     tables_->HeldPosition(view.id, *view.schema, task));
    if (table_position) in_table = *table_position;
    held = in_table;
    auto in_log = state->log->recovered_rows().find(view.id);
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

absl::Status OfflineSink::CheckRows(const TaskId& task, absl::Span<const LastRow> rows) {
  std::shared_ptr<TaskState> state = Find(task);
  if (state == nullptr) return absl::OkStatus();
  absl::MutexLock lock(&state->mutex);
  const ChangeLog& log = *state->log;
  for (const LastRow& row : rows) {
    const ViewId& view = views_[row.view].id;
    auto in_log = log.recovered_rows().find(view);
    std::optional<RowHole> hole =
        FindRowHole(state->in_table[row.view],
                    in_log == log.recovered_rows().end() ? absl::Span<const RowRun>()
                                                         : absl::MakeConstSpan(in_log->second),
                    row.offset);
    if (hole) {
      return absl::FailedPreconditionError(
          DescribeRowHole(*hole, task, view, options_.warehouse->Describe(OfflineTablePath(view)),
                          log.folder(), options_.state_folder));
    }
    state->last_rows[row.view] = row.offset;
  }
  return absl::OkStatus();
}

WantedSteps OfflineSink::Wants(int view) const {
  return {views_[view].history ? WantedSteps::Which::kEvery : WantedSteps::Which::kNone};
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
    const View& view = views_[batch.view];
    std::shared_ptr<arrow::RecordBatch> lacking = RowsAfter(batch.rows, state->held[batch.view]);
    Offset last = LastOffset(*batch.rows);
    std::optional<Offset> previous = std::exchange(state->last_rows[batch.view], last);
    if (lacking == nullptr) continue;
    if (last > output.position) {
      return absl::InternalError(
          fmt::format("task {} is at position {} but made a row of view {} at offset {}",
                      output.task.ToString(), output.position.value(), view.id.name, last.value()));
    }
    frame.first_position = std::min(frame.first_position, SourceOffset(*lacking, 0));
    frame.sections.push_back({view.id, std::move(lacking), previous});
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
    RETURN_IF_ERROR(tables_->Flush(backlog));
    for (const TaskBacklog& taken : backlog) {
      std::shared_ptr<TaskState> state = Find(taken.task);
      absl::MutexLock lock(&state->mutex);
      RETURN_IF_ERROR(state->log->Delete(taken.segments));
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
