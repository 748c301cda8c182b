// The sink that keeps every change record, and the events of sources that are archived: first in
// the change log of the task, on the local disk, then in the Delta table of the view, or of the
// archive.
//
//   OfflineSink sink(project, {.state_folder = "state", .warehouse = OpenObjectStore(uri)});
//   RETURN_IF_ERROR(sink.CheckWritable());
//   ... as every Sink ...
//   RETURN_IF_ERROR(sink.FlushAll());   // before a clean stop
//
// Commit returns when the rows are in the change logs, durably. They are written there before, by
// the task's thread: `early_bytes` at a time, the rest when the output is whole. So a log may be
// ahead of what is committed, as after a crash between two sinks, and replayed rows are dropped.
// After an error a task's log takes nothing more until the task is opened again. A thread of the
// sink's own moves the rows to the tables, every `flush_interval` or when `flush_bytes` are
// pending; while the warehouse cannot be written it tries again with growing pauses, and the change
// logs grow: nothing is lost. Rows of one task are in (offset, ordinal) order in their table.
// A view with `history: off` has neither table nor rows in a change log.
//
// Open, Commit and Close: by one thread at a time. Prepare and what it returns: by the task's. The
// rest: by any.
#ifndef FOREBAY_OFFLINE_SINK_OFFLINE_SINK_H_
#define FOREBAY_OFFLINE_SINK_OFFLINE_SINK_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "connectors/object_store/object_store.h"
#include "engine/batch/sink.h"
#include "offline/change_log/change_log.h"
#include "offline/sink/table_flush.h"
#include "schemas/types/parquet_encoding.h"

namespace forebay {

namespace v1 {
class Project;
}

struct OfflineSinkOptions {
  std::string state_folder;  // change logs go to <state_folder>/<topic>-<partition>/change_log
  std::shared_ptr<ObjectStore> warehouse;  // tables go to offline/ in it
  absl::Duration flush_interval = absl::Minutes(1);
  int64_t flush_bytes = 64 << 20;  // of change logs, all tasks together
  // Of a task's rows, written before their commit: few enough to be in a cache still.
  size_t early_bytes = 2 << 20;
  absl::Duration first_retry = absl::Seconds(1);  // after a failed flush; doubles up to
  absl::Duration longest_retry = absl::Minutes(1);
  ParquetEncoding parquet_encoding = ParquetEncoding::kCompatible;
  std::function<int64_t()> now_us;  // wall clock, microseconds UTC; empty: the system's
  // ViewFingerprint by view, kept in its table: one that was made of another definition is refused.
  std::map<ViewId, std::string> fingerprints;
  // What an operator should know: of events that an archive lacks. From the thread of CheckRows.
  std::function<void(const std::string& message)> say;
};

class OfflineSink : public Sink {
 public:
  // Does not touch the disk. `project` outlives the sink.
  OfflineSink(const v1::Project& project, OfflineSinkOptions options);

  // Stops the thread after the flush that it is in, if any. What is not flushed stays in the change
  // logs, for the next Open.
  ~OfflineSink() override;

  // Writes and deletes a probe in the state folder and, where there are tables, the warehouse,
  // for a clear message at start.
  absl::Status CheckWritable();

  WantedSteps Wants(int view) const override;
  std::unique_ptr<SinkPart> Prepare(const TaskId& task) override;

  void Expect(absl::Span<const TaskId> tasks) override;

  // Takes up the task's change log and finds what the tables hold. DATA_LOSS: the log is damaged.
  absl::StatusOr<Offset> Open(const TaskId& task) override;

  // FAILED_PRECONDITION: rows are in neither the table nor the change log. What an archive lacks,
  // as it was switched off, is noted in its table.
  absl::Status CheckRows(const TaskId& task, absl::Span<const LastRow> rows) override;

  // On an error of one task's disk the others' rows are kept all the same.
  absl::Status Commit(absl::Span<const TaskOutput* const> outputs) override;

  // Flushes, then lets go of the task. On an error its rows stay in its change log.
  absl::Status Close(const TaskId& task) override;
  // Its rows stay in its change log.
  void Lose(const TaskId& task) override;

  // Flushes what Commit took so far, now and on this thread; OK: all of it is in the tables.
  absl::Status FlushAll();

  // Of the last flush; OK: it worked, or there was none.
  absl::Status last_flush_error() const;

  // Bytes in the change logs of open tasks, not yet in the tables.
  int64_t pending_bytes() const;

  // To the warehouse, by all who use its store; all 0 where it is no bucket.
  RequestCounts store_requests() const { return options_.warehouse->requests(); }

 private:
  // Of a view, or the archive of a source.
  struct Table {
    TableId id;
    std::shared_ptr<arrow::Schema> schema;  // its ChangeSchema, or ArchiveSchema
    bool kept = true;                       // false: of a view without history
    std::string topic = {};                 // of an archive: whose tasks have its rows

    bool HasRowsOf(const TaskId& task) const {
      return kept && (topic.empty() || topic == task.topic);
    }
  };
  struct TaskState {
    absl::Mutex mutex;
    std::unique_ptr<ChangeLog> log ABSL_GUARDED_BY(mutex);
    absl::Status failed ABSL_GUARDED_BY(mutex);  // not OK: the log takes nothing more
    std::atomic<int64_t> pending_bytes{0};       // in the log
    // Per table:
    std::vector<Offset> held ABSL_GUARDED_BY(mutex);      // up to where it has the rows
    std::vector<Offset> in_table ABSL_GUARDED_BY(mutex);  // likewise in the table, when opened
    // The last that the task made.
    std::vector<std::optional<Offset>> last_rows ABSL_GUARDED_BY(mutex);
  };
  using TaskStates = std::map<TaskId, std::shared_ptr<TaskState>>;

  // ChangeBatch.view as an index of tables_. REQUIRES: the source of the task is archived, if it is
  // kEvents.
  size_t TableOf(const TaskId& task, int view) const;
  absl::Status CheckRow(const TaskId& task, const LastRow& row, TaskState* state,
                        std::optional<ArchiveGap>* gap) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state->mutex);
  absl::Status NoteGap(const TaskId& task, const Table& archive, const ArchiveGap& gap);
  std::shared_ptr<TaskState> Find(const TaskId& task) const;  // null: it is not open
  // Takes the task out, and what may still hold it writes nothing more.
  void LetGo(const TaskId& task);
  bool KeepEarly(TaskState* state, absl::Span<const ChangeBatch> rows, const TaskOutput& output,
                 bool must);
  absl::Status Append(const TaskOutput& output, absl::Span<const ChangeBatch> rows,
                      TaskState* state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state->mutex);
  absl::Status WriteFrame(const TaskOutput& output, absl::Span<const ChangeBatch> rows,
                          TaskState* state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state->mutex);
  static absl::Status Sync(TaskState* state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state->mutex);
  static void CountPending(TaskState* state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state->mutex);
  int64_t PendingBytes() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  TaskStates Tasks() const;
  void WakeFlushes();
  std::vector<TaskBacklog> TakeBacklog();
  absl::Status FirstFailed() const;  // of the tasks; OK: all logs take rows
  absl::Status FlushRounds() ABSL_EXCLUSIVE_LOCKS_REQUIRED(flush_mutex_);
  void RunFlushes();

  const v1::Project& project_;
  const OfflineSinkOptions options_;
  std::vector<Table> tables_;  // of the views, by their index in the project; then the archives

  // One flush at a time. Taken before the others, of which nobody holds two.
  absl::Mutex flush_mutex_;
  std::unique_ptr<TableFlush> flush_ ABSL_GUARDED_BY(flush_mutex_);

  mutable absl::Mutex mutex_;
  TaskStates tasks_ ABSL_GUARDED_BY(mutex_);
  absl::Status last_flush_error_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // last: it uses everything above
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_SINK_OFFLINE_SINK_H_
