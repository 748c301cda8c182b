#include "offline/sink/table_flush.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/batch/change_batch.h"
#include "offline/delta/data_file.h"
#include "schemas/definition/view_fingerprint.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using RowBatches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
constexpr int kMostRaces = 10;
constexpr char kFingerprintProperty[] = "forebay.fingerprint";

// Appends the rows to those of their dates, order kept, as slices of equal date.
void SplitByDate(const std::shared_ptr<arrow::RecordBatch>& rows,
                 std::map<int64_t, RowBatches>* by_day) {
  int column = EffectiveTimeColumn(*rows->schema()) + kEffectiveTimeColumn;
  const auto& array = static_cast<const arrow::TimestampArray&>(*rows->column(column));
  const int64_t* times = array.raw_values();
  int64_t begin = 0;
  while (begin < rows->num_rows()) {
    int64_t day = FloorTo(times[begin], kMicrosPerDay);
    int64_t end = begin + 1;
    while (end < rows->num_rows() && times[end] >= day && times[end] < day + kMicrosPerDay) ++end;
    (*by_day)[day].push_back(rows->Slice(begin, end - begin));
    begin = end;
  }
}

}  // namespace

std::string OfflineTablePath(const ViewId& view) {
  return fmt::format("offline/{}/v{}", view.name, view.version);
}

std::string AppIdPrefix(const std::string& project, const ViewId& view) {
  return fmt::format("{}/{}/v{}/", project, view.name, view.version);
}

std::string TaskName(const TaskId& task) {
  return fmt::format("{}-{}", task.topic, task.partition.value());
}

std::string TableFlush::AppId(const ViewId& view, const TaskId& task) const {
  return AppIdPrefix(project_, view) + TaskName(task);
}

absl::Status TableFlush::CheckFingerprint(const ViewId& view, const DeltaTable& table) const {
  const auto& properties = table.snapshot().metadata.configuration;
  auto made_of = properties.find(kFingerprintProperty);
  auto now = fingerprints_.find(view);
  if (made_of == properties.end() || now == fingerprints_.end() || made_of->second == now->second)
    return absl::OkStatus();
  return ChangedUnderVersion(view, made_of->second, now->second, "its offline table");
}

absl::StatusOr<std::optional<Offset>> TableFlush::HeldPosition(const ViewId& view,
                                                               const arrow::Schema& change_schema,
                                                               const TaskId& task) {
  auto it = tables_.find(view);
  if (it == tables_.end()) {
    absl::StatusOr<std::unique_ptr<DeltaTable>> table =
        DeltaTable::Open(warehouse_, OfflineTablePath(view));
    if (absl::IsNotFound(table.status())) return std::nullopt;
    RETURN_IF_ERROR(table.status());
    RETURN_IF_ERROR((*table)->MendCheckpoint());
    RETURN_IF_ERROR((*table)->CheckColumns(change_schema));
    RETURN_IF_ERROR(CheckFingerprint(view, **table));
    it = tables_.emplace(view, *std::move(table)).first;
  } else {
    RETURN_IF_ERROR(it->second->Refresh());
  }
  std::optional<int64_t> version = it->second->TransactionVersion(AppId(view, task));
  if (!version) return std::nullopt;
  return Offset(*version - 1);
}

absl::Status TableFlush::Flush(absl::Span<const TaskBacklog> backlog) {
  std::map<ViewId, ViewBacklog> views;
  std::map<TaskId, TaskClock> clocks;
  for (const TaskBacklog& task : backlog) {
    for (const ClosedSegment& closed : task.segments) {
      ASSIGN_OR_RETURN(auto frames, ReadFrames(closed));
      for (const ChangeFrame& frame : *frames) {
        clocks[task.task] = {frame.clock.value(), frame.complete_before.value()};
        for (const ViewRows& section : frame.sections) {
          TaskRows& rows = views[section.view].tasks[task.task];
          rows.rows.push_back(section.rows);
          rows.position = frame.position;
        }
      }
    }
  }
  absl::Status first_error;
  for (const auto& [view, rows] : views) {
    if (absl::Status status = FlushView(view, rows, clocks); !status.ok()) {
      tables_.erase(view);
      first_error.Update(status);
    }
  }
  return first_error;
}

absl::Status TableFlush::FlushView(const ViewId& view, const ViewBacklog& backlog,
                                   const std::map<TaskId, TaskClock>& clocks) {
  std::unique_ptr<DeltaTable>& table = tables_[view];
  if (table == nullptr) {
    std::map<std::string, std::string> properties;
    if (auto of_view = fingerprints_.find(view); of_view != fingerprints_.end())
      properties[kFingerprintProperty] = of_view->second;
    const arrow::Schema& schema = *backlog.tasks.begin()->second.rows.front()->schema();
    ASSIGN_OR_RETURN(table, DeltaTable::OpenOrCreate(warehouse_, OfflineTablePath(view), schema,
                                                     now_us_(), properties));
  }
  absl::Status status;
  for (int attempt = 0; attempt < kMostRaces; ++attempt) {
    RETURN_IF_ERROR(table->Refresh());
    status = CommitView(view, backlog, clocks, table.get());
    if (!absl::IsAborted(status)) return status;
  }
  return status;
}

absl::Status TableFlush::CommitView(const ViewId& view, const ViewBacklog& backlog,
                                    const std::map<TaskId, TaskClock>& clocks, DeltaTable* table) {
  AppendRequest request;
  std::map<int64_t, RowBatches> by_day;
  for (const auto& [task, added] : backlog.tasks) {
    std::string app_id = AppId(view, task);
    std::optional<int64_t> held = table->TransactionVersion(app_id);
    bool any = false;
    for (const auto& rows : added.rows) {
      std::shared_ptr<arrow::RecordBatch> lacking =
          held ? RowsAfter(rows, Offset(*held - 1)) : rows;
      if (lacking == nullptr) continue;
      SplitByDate(lacking, &by_day);
      any = true;
    }
    if (any) request.transactions[app_id] = added.position.value() + 1;
  }
  if (by_day.empty()) return absl::OkStatus();
  for (const auto& [task, clock] : clocks) {
    bool has_rows = backlog.tasks.contains(task);
    // A task that reads again for a new view has a clock that the others have passed: Append keeps
    // the later one.
    if (has_rows || table->snapshot().clocks.contains(TaskName(task)))
      request.clocks[TaskName(task)] = clock;
  }
  for (const auto& [day, rows] : by_day) {
    absl::StatusOr<AddAction> file =
        WriteDataFile(warehouse_.get(), table->path(), FormatDate(day), rows, encoding_, now_us_());
    if (!file.ok()) {
      for (const AddAction& written : request.files) {
        // Nothing refers to them; a full disk needs the room.
        warehouse_->Delete(table->path() + "/" + written.path).IgnoreError();
      }
      return file.status();
    }
    request.files.push_back(*std::move(file));
  }
  return table->Append(request, now_us_()).status();
}

}  // namespace forebay
