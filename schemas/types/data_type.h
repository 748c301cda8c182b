// The types of columns, keys and feature values.
#ifndef FOREBAY_SCHEMAS_TYPES_DATA_TYPE_H_
#define FOREBAY_SCHEMAS_TYPES_DATA_TYPE_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace forebay {

// Numbers equal those of forebay.v1.DataType, and are written to disk: never renumber.
//
// The names are those of the scalar types: columns, keys and expressions have no others. The value
// of a feature may also be a list of one: ListOf(kInt64). Lists have no names here, so that a
// switch over the names stays one over the scalars; whatever meets values of features asks IsList
// first.
enum class DataType : uint8_t {
  kBool = 1,
  kInt64 = 2,
  kDouble = 3,
  kString = 4,
  kBytes = 5,
  kTimestamp = 6,  // int64 microseconds since the epoch, UTC
};

inline constexpr uint8_t kListBit = 16;  // set in the number of a list of what the rest says

// REQUIRES: `element` is a scalar type.
constexpr DataType ListOf(DataType element) {
  return static_cast<DataType>(kListBit | static_cast<uint8_t>(element));
}
constexpr bool IsList(DataType type) { return (static_cast<uint8_t>(type) & kListBit) != 0; }
// REQUIRES: IsList(list).
constexpr DataType ElementType(DataType list) {
  return static_cast<DataType>(static_cast<uint8_t>(list) ^ kListBit);
}

// "int64", as written in definitions; "list<int64>".
std::string_view DataTypeName(DataType type);

// Of a scalar type.
std::optional<DataType> ParseDataType(std::string_view name);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_DATA_TYPE_H_
