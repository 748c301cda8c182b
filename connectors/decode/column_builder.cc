#include "connectors/decode/column_builder.h"

#include <arrow/api.h>

#include "engine/batch/arrow_type.h"

namespace forebay {

ColumnBuilder::ColumnBuilder(DataType type)
    : type_(type), builder_(arrow::MakeBuilder(ArrowType(type)).ValueOrDie()) {}
ColumnBuilder::ColumnBuilder(ColumnBuilder&&) noexcept = default;
ColumnBuilder::~ColumnBuilder() = default;

arrow::Status ColumnBuilder::Reserve(int64_t values, int64_t text_bytes) {
  ARROW_RETURN_NOT_OK(builder_->Reserve(values));
  if (type_ == DataType::kString || type_ == DataType::kBytes) {
    return static_cast<arrow::BinaryBuilder&>(*builder_).ReserveData(text_bytes);
  }
  return arrow::Status::OK();
}

arrow::Status ColumnBuilder::Append(const FieldValue& value) {
  if (value.null) return builder_->AppendNull();
  switch (type_) {
    case DataType::kBool:
      static_cast<arrow::BooleanBuilder&>(*builder_).UnsafeAppend(value.boolean);
      break;
    case DataType::kInt64:
      static_cast<arrow::Int64Builder&>(*builder_).UnsafeAppend(value.integer);
      break;
    case DataType::kTimestamp:
      static_cast<arrow::TimestampBuilder&>(*builder_).UnsafeAppend(value.integer);
      break;
    case DataType::kDouble:
      static_cast<arrow::DoubleBuilder&>(*builder_).UnsafeAppend(value.real);
      break;
    case DataType::kString:
    case DataType::kBytes:
      return static_cast<arrow::BinaryBuilder&>(*builder_).Append(
          value.text.data(), static_cast<int32_t>(value.text.size()));
  }
  return arrow::Status::OK();
}

arrow::Status ColumnBuilder::Finish(std::shared_ptr<arrow::Array>* out) {
  return builder_->Finish(out);
}

}  // namespace forebay
