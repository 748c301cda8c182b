#include "offline/erasure/logged_rows.h"

#include <arrow/api.h>

#include <vector>

#include "offline/change_log/logged_table.h"
#include "offline/training_set/cell_value.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

arrow::Result<int64_t> CountErased(const arrow::RecordBatch& rows, const ErasedKey& key,
                                   Offset held) {
  ARROW_ASSIGN_OR_RAISE(std::vector<int64_t> erased, FindErased(rows, key));
  auto offsets = rows.GetColumnByName("_source_offset");
  int64_t count = 0;
  for (int64_t row : erased) count += IntegerAt(*offsets, row) > held.value() ? 1 : 0;
  return count;
}

}  // namespace

absl::StatusOr<int64_t> CountLoggedRows(const std::string& state_folder, const TaskId& task,
                                        const TableId& table, const ErasedKey& key, Offset held) {
  int64_t count = 0;
  RETURN_IF_ERROR(
      ForEachLogged(state_folder, task, table,
                    [&](const std::shared_ptr<arrow::RecordBatch>& rows) -> absl::Status {
                      arrow::Result<int64_t> found = CountErased(*rows, key, held);
                      if (!found.ok()) return absl::DataLossError(found.status().message());
                      count += *found;
                      return absl::OkStatus();
                    }));
  return count;
}

}  // namespace forebay
