#include "schemas/types/data_type.h"

#include <array>

namespace forebay {
namespace {

struct Named {
  DataType type;
  std::string_view name;
  std::string_view list;
};

constexpr std::array<Named, 6> kNames = {{{DataType::kBool, "bool", "list<bool>"},
                                          {DataType::kInt64, "int64", "list<int64>"},
                                          {DataType::kDouble, "double", "list<double>"},
                                          {DataType::kString, "string", "list<string>"},
                                          {DataType::kBytes, "bytes", "list<bytes>"},
                                          {DataType::kTimestamp, "timestamp", "list<timestamp>"}}};

}  // namespace

std::string_view DataTypeName(DataType type) {
  for (const Named& named : kNames) {
    if (named.type == type) return named.name;
    if (ListOf(named.type) == type) return named.list;
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
