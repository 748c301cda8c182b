#include "offline/history/key_rows.h"

#include <arrow/api.h>

#include <algorithm>

#include "engine/batch/take_rows.h"
#include "offline/delta/table_column.h"
#include "offline/training_set/cell_value.h"
#include "offline/training_set/key_column.h"

namespace forebay {

arrow::Result<std::vector<int64_t>> FindRows(const arrow::RecordBatch& batch,
                                             const KeyOfRows& key) {
  arrow::ArrayVector parts;
  for (const std::string& name : key.columns) {
    parts.push_back(batch.GetColumnByName(name));
    if (parts.back() == nullptr) return arrow::Status::Invalid("key column ", name, " is missing");
  }
  auto time = batch.GetColumnByName(kEffectiveTime);
  if (time == nullptr || time->type_id() != arrow::Type::TIMESTAMP)
    return arrow::Status::Invalid("column ", kEffectiveTime, " is missing, or no timestamp");
  KeyReader keys(std::move(parts));
  std::vector<int64_t> rows;
  std::string bytes;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    if (time->IsNull(row) || !key.times.Holds(IntegerAt(*time, row))) continue;
    if (keys.Encode(row, &bytes) && bytes == key.bytes) rows.push_back(row);
  }
  return rows;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> InColumns(
    const arrow::RecordBatch& batch, const std::shared_ptr<arrow::Schema>& columns) {
  arrow::ArrayVector arrays;
  for (const auto& field : columns->fields()) {
    auto array = batch.GetColumnByName(field->name());
    if (array == nullptr) {
      ARROW_ASSIGN_OR_RAISE(array, arrow::MakeArrayOfNull(field->type(), batch.num_rows()));
    } else {
      ARROW_ASSIGN_OR_RAISE(array, AsTableColumn(array, *field));
    }
    arrays.push_back(std::move(array));
  }
  return arrow::RecordBatch::Make(columns, batch.num_rows(), std::move(arrays));
}

std::shared_ptr<arrow::RecordBatch> InOrder(const arrow::RecordBatchVector& batches) {
  struct TimedRow {
    int64_t time;
    RowOfBatch row;
  };
  std::vector<TimedRow> timed;
  for (const auto& batch : batches) {
    auto column = batch->GetColumnByName(kEffectiveTime);
    const auto& times = static_cast<const arrow::TimestampArray&>(*column);
    for (int64_t row = 0; row < batch->num_rows(); ++row)
      timed.push_back({times.Value(row), {batch.get(), row}});
  }
  if (timed.empty()) return nullptr;
  std::stable_sort(timed.begin(), timed.end(),
                   [](const TimedRow& a, const TimedRow& b) { return a.time < b.time; });
  std::vector<RowOfBatch> rows;
  rows.reserve(timed.size());
  for (const TimedRow& row : timed) rows.push_back(row.row);
  return TakeRows(batches[0], rows);
}

}  // namespace forebay
