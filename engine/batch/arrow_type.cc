#include "engine/batch/arrow_type.h"

#include <arrow/api.h>

namespace forebay {

std::shared_ptr<arrow::DataType> ArrowType(DataType type) {
  if (IsList(type)) {
    // The element's name is that of Parquet: what is read from a file is of the same type.
    return arrow::list(arrow::field("element", ArrowType(ElementType(type)), /*nullable=*/false));
  }
  switch (type) {
    case DataType::kBool:
      return arrow::boolean();
    case DataType::kInt64:
      return arrow::int64();
    case DataType::kDouble:
      return arrow::float64();
    case DataType::kString:
      return arrow::utf8();
    case DataType::kBytes:
      return arrow::binary();
    case DataType::kTimestamp:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  }
  return arrow::null();
}

}  // namespace forebay
