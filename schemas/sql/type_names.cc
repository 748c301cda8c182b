#include "schemas/sql/type_names.h"

#include <array>
#include <string>

#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace forebay::sql {
namespace {

struct NamedType {
  std::string_view name;
  v1::DataType type;
};

// As PostgreSQL's parser writes them: bigint comes as int8, double precision as float8.
constexpr std::array<NamedType, 18> kTypes = {{
    {"bool", v1::BOOL},
    {"boolean", v1::BOOL},
    {"bigint", v1::INT64},
    {"int", v1::INT64},
    {"integer", v1::INT64},
    {"int4", v1::INT64},
    {"int8", v1::INT64},
    {"int64", v1::INT64},
    {"double", v1::DOUBLE},
    {"float8", v1::DOUBLE},
    {"text", v1::STRING},
    {"varchar", v1::STRING},
    {"string", v1::STRING},
    {"timestamp", v1::TIMESTAMP},
    {"datetime", v1::TIMESTAMP},
    {"bytea", v1::BYTES},
    {"blob", v1::BYTES},
    {"bytes", v1::BYTES},
}};

constexpr std::string_view kAllowed = "boolean, bigint, double, text, timestamp, bytea";

}  // namespace

std::optional<v1::DataType> ReadTypeName(const nlohmann::json& type_name, int position,
                                         ErrorSlot* errors) {
  const int own = type_name.value("location", -1);
  if (own >= 0) position = own;
  const nlohmann::json& names = type_name["names"];
  const std::string name = names.back()["String"].value("sval", "");
  if (type_name.contains("typmods")) {
    return errors->Fail(
        position,
        fmt::format("a length or precision of type {} is not supported: leave it out", name));
  }
  if (type_name.contains("arrayBounds") || type_name.contains("setof")) {
    return errors->Fail(position,
                        fmt::format("array types are not supported; allowed: {}", kAllowed));
  }
  for (const NamedType& known : kTypes) {
    if (known.name == name) return known.type;
  }
  if (name == "timestamptz") {
    return errors->Fail(
        position, "type timestamp with time zone is not supported: write timestamp, which is UTC");
  }
  return errors->Fail(position,
                      fmt::format("type {} is not supported; allowed: {}", name, kAllowed));
}

bool CastExists(v1::DataType from, v1::DataType to) {
  if (from == to || from == v1::DATA_TYPE_UNSPECIFIED) return true;
  switch (to) {
    case v1::BOOL:
      return from == v1::INT64 || from == v1::DOUBLE || from == v1::STRING;
    case v1::INT64:
      return from == v1::BOOL || from == v1::DOUBLE || from == v1::STRING;
    case v1::DOUBLE:
      return from == v1::BOOL || from == v1::INT64 || from == v1::STRING;
    case v1::STRING:
      return true;
    case v1::BYTES:
    case v1::TIMESTAMP:
      return from == v1::STRING;
    default:
      return false;
  }
}

}  // namespace forebay::sql
