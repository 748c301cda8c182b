// The types of columns, keys and feature values.
#ifndef FOREBAY_SCHEMAS_TYPES_DATA_TYPE_H_
#define FOREBAY_SCHEMAS_TYPES_DATA_TYPE_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace forebay {

// Numbers equal those of forebay.v1.DataType, and are written to disk: never renumber.
enum class DataType : uint8_t {
  kBool = 1,
  kInt64 = 2,
  kDouble = 3,
  kString = 4,
  kBytes = 5,
  kTimestamp = 6,  // int64 microseconds since the epoch, UTC
};

// "int64", as written in definitions.
std::string_view DataTypeName(DataType type);

std::optional<DataType> ParseDataType(std::string_view name);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_DATA_TYPE_H_
