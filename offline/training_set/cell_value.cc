#include "offline/training_set/cell_value.h"

#include <arrow/api.h>

#include "absl/strings/numbers.h"
#include "connectors/decode/timestamp_unit.h"

namespace forebay {
namespace {

v1::TimeEncoding EncodingOf(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return v1::SECONDS;
    case arrow::TimeUnit::MILLI:
      return v1::MILLISECONDS;
    case arrow::TimeUnit::NANO:
      return v1::NANOSECONDS;
    default:
      return v1::MICROSECONDS;
  }
}

int64_t MicrosAt(const arrow::TimestampArray& array, int64_t row) {
  bool fits = true;
  auto unit = static_cast<const arrow::TimestampType&>(*array.type()).unit();
  return ToMicros(array.Value(row), EncodingOf(unit), &fits);
}

}  // namespace

bool IsText(arrow::Type::type type) {
  return type == arrow::Type::STRING || type == arrow::Type::LARGE_STRING ||
         type == arrow::Type::STRING_VIEW;
}

bool IsInteger(arrow::Type::type type) {
  return arrow::is_integer(type) && type != arrow::Type::UINT64;
}

std::string_view TextAt(const arrow::Array& array, int64_t row) {
  switch (array.type_id()) {
    case arrow::Type::LARGE_STRING:
      return static_cast<const arrow::LargeStringArray&>(array).GetView(row);
    case arrow::Type::STRING_VIEW:
      return static_cast<const arrow::StringViewArray&>(array).GetView(row);
    default:
      return static_cast<const arrow::StringArray&>(array).GetView(row);
  }
}

int64_t IntegerAt(const arrow::Array& array, int64_t row) {
  switch (array.type_id()) {
    case arrow::Type::INT8:
      return static_cast<const arrow::Int8Array&>(array).Value(row);
    case arrow::Type::UINT8:
      return static_cast<const arrow::UInt8Array&>(array).Value(row);
    case arrow::Type::INT16:
      return static_cast<const arrow::Int16Array&>(array).Value(row);
    case arrow::Type::UINT16:
      return static_cast<const arrow::UInt16Array&>(array).Value(row);
    case arrow::Type::INT32:
      return static_cast<const arrow::Int32Array&>(array).Value(row);
    case arrow::Type::UINT32:
      return static_cast<const arrow::UInt32Array&>(array).Value(row);
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(row) ? 1 : 0;
    case arrow::Type::TIMESTAMP:
      return MicrosAt(static_cast<const arrow::TimestampArray&>(array), row);
    default:
      return static_cast<const arrow::Int64Array&>(array).Value(row);
  }
}

std::optional<int64_t> ParseWholeNumber(std::string_view text) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &number)) return std::nullopt;
  return number;
}

}  // namespace forebay
