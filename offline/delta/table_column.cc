#include "offline/delta/table_column.h"

#include <arrow/api.h>
#include <arrow/compute/cast.h>

namespace forebay {

arrow::Result<std::shared_ptr<arrow::Array>> AsTableColumn(
    const std::shared_ptr<arrow::Array>& array, const arrow::Field& column) {
  if (array->type()->Equals(column.type())) return array;
  auto options = arrow::compute::CastOptions::Safe(column.type());
  options.allow_time_truncate = true;
  auto converted = arrow::compute::Cast(array, options);
  if (converted.ok()) return converted->make_array();
  return arrow::Status::Invalid("column ", column.name(), " is ", array->type()->ToString(),
                                " instead of ", column.type()->ToString(), ": ",
                                converted.status().message());
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> AsTableColumns(
    const std::shared_ptr<arrow::RecordBatch>& batch, const arrow::Schema& table) {
  arrow::FieldVector fields = batch->schema()->fields();
  arrow::ArrayVector columns = batch->columns();
  for (size_t i = 0; i < fields.size(); ++i) {
    auto wanted = table.GetFieldByName(fields[i]->name());
    if (wanted == nullptr) continue;
    ARROW_ASSIGN_OR_RAISE(columns[i], AsTableColumn(columns[i], *wanted));
    fields[i] = fields[i]->WithType(columns[i]->type());
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), batch->num_rows(),
                                  std::move(columns));
}

}  // namespace forebay
