// From closed change log segments to Delta commits (stage 0 to stage 1).
#ifndef FOREBAY_OFFLINE_SINK_TABLE_FLUSH_H_
#define FOREBAY_OFFLINE_SINK_TABLE_FLUSH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/object_store/object_store.h"
#include "engine/batch/event_batch.h"
#include "offline/change_log/change_log.h"
#include "offline/delta/delta_table.h"
#include "offline/sink/view_flush.h"
#include "schemas/types/parquet_encoding.h"
#include "schemas/types/table_id.h"

namespace forebay {

// "offline/user_spend/v1", under the warehouse (S29); of an archive "events/transactions".
std::string OfflineTablePath(const TableId& table);

// What the app ids of a project's transactions in that table begin with (docs/formats).
std::string AppIdPrefix(const std::string& project, const TableId& table);

// The property of a view's table that says which definition it was made of: its ViewFingerprint.
inline constexpr char kFingerprintProperty[] = "forebay.fingerprint";

// What an archive lacks of a task: the records from `first` to `last` were not archived.
struct ArchiveGap {
  Offset first;
  Offset last;
};

// How tables call a task: "transactions-3".
std::string TaskName(const TaskId& task);

// Segments of one task, oldest first.
struct TaskBacklog {
  TaskId task;
  std::vector<ClosedSegment> segments;
};

// Not thread-safe.
class TableFlush {
 public:
  // `made_of`: of a view its ViewFingerprint, of an archive the source's topic; kept in the table,
  // and of others nothing is checked.
  TableFlush(std::shared_ptr<ObjectStore> warehouse, std::string project, ParquetEncoding encoding,
             std::function<int64_t()> now_us, std::map<TableId, std::string> made_of = {})
      : warehouse_(std::move(warehouse)),
        project_(std::move(project)),
        made_of_(std::move(made_of)),
        encoding_(encoding),
        now_us_(std::move(now_us)) {}

  // Puts the rows of all segments into the tables: one commit per table, with one Parquet file per
  // date (several, where the dates are many) and one transaction per task. Reads the segments in
  // portions, of which one is in memory. Rows that a table holds already are dropped, so that a
  // repeated flush changes nothing. After an error some tables may be flushed and others not:
  // repeat. The rows of `without` are left out.
  absl::Status Flush(absl::Span<const TaskBacklog> backlog, const std::set<TableId>& without = {});

  // The positions of these tasks are asked for next, and stand by now: each table is looked at once
  // for all of them, rather than for each, which takes long where there is a network between.
  void Expect(absl::Span<const TaskId> tasks);

  // Up to which position the table holds the rows of the task; nullopt: none. A table that exists
  // must have the columns of `schema`, and be of the view as it is defined: FAILED_PRECONDITION. An
  // archive gets columns that it lacks.
  absl::StatusOr<std::optional<Offset>> HeldPosition(const TableId& id, const arrow::Schema& schema,
                                                     const TaskId& task);

  // Keeps in the table, which is made if there is none, that it lacks these events (docs/formats).
  absl::Status NoteGap(const TableId& archive, const arrow::Schema& schema, const TaskId& task,
                       const ArchiveGap& gap);

 private:
  // What a backlog has for one table.
  struct TablePart {
    std::unique_ptr<ViewFlush> flush;
    std::shared_ptr<arrow::Schema> schema;  // of its last rows
    std::set<TaskId> tasks;                 // whose rows
  };
  // One reading of a backlog.
  struct Pass {
    std::map<TableId, TablePart> tables;
    std::set<TableId> left_out;
    std::map<TaskId, TaskClock> clocks;
    int64_t bytes = 0;  // of the change log, in memory
    absl::Status first_error;
  };

  absl::Status FlushOnce(absl::Span<const TaskBacklog> backlog, const std::set<TableId>& without);
  absl::Status ReadSegment(const TaskId& task, const ClosedSegment& segment, Pass* pass);
  absl::Status AddRows(const TaskId& task, const TableRows& rows, Offset position, Pass* pass);
  void WriteFiles(Pass* pass);
  absl::Status Commit(const TablePart& part, const DeltaTable& table,
                      const std::map<TaskId, TaskClock>& clocks);
  absl::StatusOr<DeltaTable*> FreshTable(const TableId& id, const arrow::Schema& schema);

  // Does something for each table; those where it fails are left out from there on.
  void ForEachTable(Pass* pass,
                    const std::function<absl::Status(const TableId&, TablePart&)>& what);
  void LeaveOut(const TableId& id, const absl::Status& reason, Pass* pass);
  absl::Status CheckOwner(const TableId& archive, const DeltaTable& table) const;
  absl::Status CheckMadeOf(const TableId& id, const DeltaTable& table) const;
  absl::Status FitColumns(const TableId& id, const arrow::Schema& schema, DeltaTable* table) const;
  std::string AppId(const TableId& id, const TaskId& task) const;

  std::shared_ptr<ObjectStore> warehouse_;
  std::string project_;
  std::map<TableId, std::string> made_of_;
  ParquetEncoding encoding_;
  std::function<int64_t()> now_us_;
  std::map<TableId, std::unique_ptr<DeltaTable>> tables_;
  std::set<TaskId> expected_;
  std::set<TableId> looked_at_;  // for the tasks that are expected, there or not
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_SINK_TABLE_FLUSH_H_
