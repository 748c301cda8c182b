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

namespace forebay {

// "offline/user_spend/v1", under the warehouse (S29).
std::string OfflineTablePath(const ViewId& view);

// What the app ids of a project's transactions in that table begin with (docs/formats).
std::string AppIdPrefix(const std::string& project, const ViewId& view);

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
  TableFlush(std::shared_ptr<ObjectStore> warehouse, std::string project, ParquetEncoding encoding,
             std::function<int64_t()> now_us, std::map<ViewId, std::string> fingerprints = {})
      : warehouse_(std::move(warehouse)),
        project_(std::move(project)),
        fingerprints_(std::move(fingerprints)),
        encoding_(encoding),
        now_us_(std::move(now_us)) {}

  // Puts the rows of all segments into the tables: one commit per view, with one Parquet file per
  // date (several, where the dates are many) and one transaction per task. Reads the segments in
  // portions, of which one is in memory. Rows that a table holds already are dropped, so that a
  // repeated flush changes nothing. After an error some views may be flushed and others not:
  // repeat. The rows of `without` are left out.
  absl::Status Flush(absl::Span<const TaskBacklog> backlog, const std::set<ViewId>& without = {});

  // Up to which position the view's table holds the rows of the task; nullopt: none. A table that
  // exists must have the columns of `change_schema`, and be of the view as it is defined:
  // FAILED_PRECONDITION.
  absl::StatusOr<std::optional<Offset>> HeldPosition(const ViewId& view,
                                                     const arrow::Schema& change_schema,
                                                     const TaskId& task);

 private:
  // What a backlog has for one view.
  struct ViewPart {
    std::unique_ptr<ViewFlush> flush;
    std::set<TaskId> tasks;  // whose rows
  };
  // One reading of a backlog.
  struct Pass {
    std::map<ViewId, ViewPart> views;
    std::set<ViewId> left_out;
    std::map<TaskId, TaskClock> clocks;
    int64_t bytes = 0;  // of the change log, in memory
    absl::Status first_error;
  };

  absl::Status FlushOnce(absl::Span<const TaskBacklog> backlog, const std::set<ViewId>& without);
  absl::Status ReadSegment(const TaskId& task, const ClosedSegment& segment, Pass* pass);
  absl::Status AddRows(const TaskId& task, const ViewRows& rows, Offset position, Pass* pass);
  void WriteFiles(Pass* pass);
  absl::Status Commit(const ViewPart& part, const DeltaTable& table,
                      const std::map<TaskId, TaskClock>& clocks);
  absl::StatusOr<DeltaTable*> FreshTable(const ViewId& view, const arrow::Schema& change_schema);

  // Does something for each view; those where it fails are left out from there on.
  void ForEachView(Pass* pass, const std::function<absl::Status(const ViewId&, ViewPart&)>& what);
  void LeaveOut(const ViewId& view, const absl::Status& reason, Pass* pass);
  absl::Status CheckFingerprint(const ViewId& view, const DeltaTable& table) const;
  std::string AppId(const ViewId& view, const TaskId& task) const;

  std::shared_ptr<ObjectStore> warehouse_;
  std::string project_;
  std::map<ViewId, std::string> fingerprints_;  // ViewFingerprint; of others nothing is checked
  ParquetEncoding encoding_;
  std::function<int64_t()> now_us_;
  std::map<ViewId, std::unique_ptr<DeltaTable>> tables_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_SINK_TABLE_FLUSH_H_
