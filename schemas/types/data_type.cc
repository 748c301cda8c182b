#include "schemas/types/data_type.h"

#include <array>

namespace forebay {
namespace {

struct Named {
  DataType type;
  std::string_view name;
};

constexpr std::array<Named, 6> kNames = {{{DataType::kBool, "bool"},
                                          {DataType::kInt64, "int64"},
                                          {DataType::kDouble, "double"},
                                          {DataType::kString, "string"},
                                          {DataType::kBytes, "bytes"},
                                          {DataType::kTimestamp, "timestamp"}}};

}  // namespace

std::string_view DataTypeName(DataType type) {
  for (const Named& named : kNames) {
    if (named.type == type) return named.name;
  }
  return "unknown";
}

std::optional<DataType> ParseDataType(std::string_view name) {
  for (const Named& named : kNames) {
    if (named.name == name) return named.type;
  }
  return std::nullopt;
}

}  // namespace forebay
