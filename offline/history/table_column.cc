#include "offline/history/table_column.h"

#include <arrow/api.h>

#include <limits>
#include <utility>

#include "offline/training_set/cell_value.h"

namespace forebay {
namespace {

template <typename Builder>
arrow::Result<std::shared_ptr<arrow::Array>> Convert(const arrow::Array& array, Builder builder) {
  using Value = typename Builder::value_type;
  ARROW_RETURN_NOT_OK(builder.Reserve(array.length()));
  for (int64_t row = 0; row < array.length(); ++row) {
    if (array.IsNull(row)) {
      builder.UnsafeAppendNull();
      continue;
    }
    const int64_t value = IntegerAt(array, row);
    if (!std::in_range<Value>(value)) return arrow::Status::Invalid(value, " does not fit");
    builder.UnsafeAppend(static_cast<Value>(value));
  }
  return builder.Finish();
}

arrow::Result<std::shared_ptr<arrow::Array>> Convert(const std::shared_ptr<arrow::Array>& array,
                                                     const std::shared_ptr<arrow::DataType>& type) {
  const bool of_time = array->type_id() == arrow::Type::TIMESTAMP;
  if (type->id() == arrow::Type::TIMESTAMP && of_time)
    return Convert(*array, arrow::TimestampBuilder(type, arrow::default_memory_pool()));
  if (IsInteger(array->type_id()) && type->id() == arrow::Type::INT64)
    return Convert(*array, arrow::Int64Builder());
  if (IsInteger(array->type_id()) && type->id() == arrow::Type::INT32)
    return Convert(*array, arrow::Int32Builder());
  // The same values under another name, such as lists of "item" instead of "element".
  return array->View(type);
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::Array>> AsTableColumn(
    const std::shared_ptr<arrow::Array>& array, const arrow::Field& column) {
  if (array->type()->Equals(column.type())) return array;
  auto converted = Convert(array, column.type());
  if (converted.ok()) return converted;
  return arrow::Status::Invalid("column ", column.name(), " is ", array->type()->ToString(),
                                " instead of ", column.type()->ToString(), ": ",
                                converted.status().message());
}

}  // namespace forebay
