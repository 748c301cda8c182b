#include "offline/history/unflushed_rows.h"

#include <arrow/api.h>

#include "engine/batch/change_batch.h"
#include "engine/batch/take_rows.h"
#include "forebay/v1/definition.pb.h"
#include "offline/change_log/change_log.h"
#include "offline/change_log/segment.h"
#include "offline/history/key_rows.h"
#include "offline/sink/table_flush.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

std::shared_ptr<arrow::RecordBatch> Take(const std::shared_ptr<arrow::RecordBatch>& batch,
                                         const std::vector<int64_t>& rows) {
  std::vector<RowOfBatch> taken;
  taken.reserve(rows.size());
  for (int64_t row : rows) taken.push_back({batch.get(), row});
  return TakeRows(batch, taken);
}

absl::Status AddSegment(const std::string& path, const ViewId& view, const KeyOfRows& key,
                        arrow::RecordBatchVector* found) {
  absl::StatusOr<Segment> segment = ReadSegment(path, /*torn_tail_allowed=*/true);
  if (absl::IsNotFound(segment.status())) return absl::OkStatus();  // flushed meanwhile
  RETURN_IF_ERROR(segment.status());
  ASSIGN_OR_RETURN(std::vector<ChangeFrame> frames, DecodeFrames(*segment));
  for (const ChangeFrame& frame : frames) {
    for (const TableRows& section : frame.sections) {
      if (section.table != TableId(view)) continue;
      auto rows = FindRows(*section.rows, key);
      if (!rows.ok()) return absl::DataLossError(path + ": " + rows.status().message());
      if (!rows->empty()) found->push_back(Take(section.rows, *rows));
    }
  }
  return absl::OkStatus();
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> After(
    Offset held, const std::shared_ptr<arrow::RecordBatch>& batch,
    const std::shared_ptr<arrow::Schema>& columns) {
  auto column = batch->GetColumnByName("_source_offset");
  const auto& offsets = static_cast<const arrow::Int64Array&>(*column);
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < batch->num_rows(); ++row) {
    if (offsets.Value(row) > held.value()) rows.push_back(row);
  }
  if (rows.empty()) return nullptr;
  return InColumns(*Take(batch, rows), columns);
}

}  // namespace

absl::StatusOr<LoggedRows> ReadLoggedRows(const LoggedRowsRequest& request) {
  KeyOfRows key{.bytes = request.key, .times = request.times};
  for (const v1::Field& column : request.entity->keys()) key.columns.push_back(column.name());
  LoggedRows logged;
  for (const TaskId& task : request.tasks) {
    absl::StatusOr<std::vector<std::string>> paths =
        FindSegments(ChangeLogFolder(request.state_folder, task.topic, task.partition));
    if (absl::IsNotFound(paths.status())) continue;
    RETURN_IF_ERROR(paths.status());
    for (const std::string& path : *paths)
      RETURN_IF_ERROR(AddSegment(path, request.view, key, &logged[task]));
  }
  return logged;
}

absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> RowsNotIn(
    const Snapshot& table, const std::string& project, const ViewId& view, const LoggedRows& logged,
    const std::shared_ptr<arrow::Schema>& columns) {
  arrow::RecordBatchVector found;
  for (const auto& [task, batches] : logged) {
    auto transaction = table.transactions.find(AppIdPrefix(project, view) + TaskName(task));
    const Offset held(transaction == table.transactions.end() ? -1
                                                              : transaction->second.version - 1);
    for (const auto& batch : batches) {
      auto rows = After(held, batch, columns);
      if (!rows.ok()) return absl::InternalError(rows.status().ToString());
      if (*rows != nullptr) found.push_back(*std::move(rows));
    }
  }
  return InOrder(found);
}

}  // namespace forebay
