#include "offline/training_set/row_bounds.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "absl/strings/numbers.h"
#include "offline/delta/snapshot.h"
#include "offline/sink/table_flush.h"
#include "offline/training_set/cell_value.h"
#include "offline/training_set/row_file.h"

namespace forebay {

TablePositions PositionsOf(const std::string& project, const TableId& id, const Snapshot& table) {
  const std::string prefix = AppIdPrefix(project, id);
  TablePositions positions;
  for (const auto& [app_id, transaction] : table.transactions) {
    if (app_id.starts_with(prefix)) positions[app_id.substr(prefix.size())] = transaction.version;
  }
  return positions;
}

absl::StatusOr<RowBounds> BoundsOf(const TableId& id, const TablePositions& positions) {
  RowBounds bounds;
  for (const auto& [task, position] : positions) {
    int32_t partition = 0;
    if (!absl::SimpleAtoi(task.substr(task.rfind('-') + 1), &partition)) {
      return absl::FailedPreconditionError(fmt::format(
          "the table of {} has a task '{}', whose partition is not known", id.ToString(), task));
    }
    if (bounds.try_emplace(partition, position).second) continue;
    return absl::FailedPreconditionError(fmt::format(
        "the table of {} has rows of partition {} of several topics, which are not told apart: an "
        "earlier version can be read only while its files are there",
        id.ToString(), partition));
  }
  return bounds;
}

arrow::Result<std::vector<uint8_t>> RowsWithin(const RowPart& part, const RowBounds& bounds) {
  ARROW_ASSIGN_OR_RAISE(auto partitions, part.Read("_source_partition"));
  ARROW_ASSIGN_OR_RAISE(auto offsets, part.Read("_source_offset"));
  for (const auto& column : {partitions, offsets}) {
    if (column == nullptr || !IsInteger(column->type_id()) || column->null_count() > 0) {
      return arrow::Status::Invalid(
          "columns _source_partition and _source_offset do not say where rows are from");
    }
  }
  std::vector<uint8_t> within(offsets->length(), 0);
  for (int64_t row = 0; row < offsets->length(); ++row) {
    auto bound = bounds.find(static_cast<int32_t>(IntegerAt(*partitions, row)));
    within[row] = bound != bounds.end() && IntegerAt(*offsets, row) < bound->second ? 1 : 0;
  }
  return within;
}

}  // namespace forebay
