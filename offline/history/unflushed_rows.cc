#include "offline/history/unflushed_rows.h"

#include <arrow/api.h>

#include "engine/batch/change_batch.h"
#include "engine/batch/take_rows.h"
#include "forebay/v1/definition.pb.h"
#include "offline/change_log/logged_table.h"
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
    RETURN_IF_ERROR(
        ForEachLogged(request.state_folder, task, TableId(request.view),
                      [&](const std::shared_ptr<arrow::RecordBatch>& batch) -> absl::Status {
                        auto rows = FindRows(*batch, key);
                        if (!rows.ok()) return absl::DataLossError(rows.status().message());
                        if (!rows->empty()) logged[task].push_back(Take(batch, *rows));
                        return absl::OkStatus();
                      }));
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
