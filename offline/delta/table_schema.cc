#include "offline/delta/table_schema.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<std::pair<std::string, std::shared_ptr<arrow::DataType>>>& Types() {
  static const auto& types =
      *new std::vector<std::pair<std::string, std::shared_ptr<arrow::DataType>>>{
          {"boolean", arrow::boolean()},
          {"integer", arrow::int32()},
          {"long", arrow::int64()},
          {"double", arrow::float64()},
          {"string", arrow::utf8()},
          {"binary", arrow::binary()},
          {"date", arrow::date32()},
          {"timestamp", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")},
      };
  return types;
}

// Null for a type that offline tables do not hold.
Json ToDeltaType(const arrow::DataType& type) {
  for (const auto& [name, arrow_type] : Types()) {
    if (type.Equals(arrow_type)) return name;
  }
  if (type.id() != arrow::Type::LIST) return Json();
  const arrow::Field& element = *type.field(0);
  Json element_type = ToDeltaType(*element.type());
  if (!element_type.is_string()) return Json();
  return Json{{"type", "array"},
              {"elementType", std::move(element_type)},
              {"containsNull", element.nullable()}};
}

// Null for a type that is not supported.
std::shared_ptr<arrow::DataType> FromDeltaType(const Json& type) {
  for (const auto& [name, arrow_type] : Types()) {
    if (type == name) return arrow_type;
  }
  if (!type.is_object() || type.at("type") != "array") return nullptr;
  std::shared_ptr<arrow::DataType> element = FromDeltaType(type.at("elementType"));
  if (element == nullptr) return nullptr;
  return arrow::list(arrow::field("element", element, type.at("containsNull").get<bool>()));
}

}  // namespace

absl::StatusOr<std::string> ToDeltaSchema(const arrow::Schema& schema) {
  Json fields = Json::array();
  for (const auto& field : schema.fields()) {
    Json type = ToDeltaType(*field->type());
    if (type.is_null()) {
      return absl::UnimplementedError(
          fmt::format("column {} has type {}, which offline tables do not hold yet", field->name(),
                      field->type()->ToString()));
    }
    fields.push_back({{"name", field->name()},
                      {"type", type},
                      {"nullable", field->nullable()},
                      {"metadata", Json::object()}});
  }
  return Json{{"type", "struct"}, {"fields", fields}}.dump();
}

absl::StatusOr<std::shared_ptr<arrow::Schema>> FromDeltaSchema(const std::string& json) {
  arrow::FieldVector fields;
  try {
    const Json parsed = Json::parse(json);
    for (const Json& field : parsed.at("fields")) {
      std::string name = field.at("name").get<std::string>();
      std::shared_ptr<arrow::DataType> type = FromDeltaType(field.at("type"));
      if (type == nullptr) {
        return absl::UnimplementedError(fmt::format(
            "column {} has Delta type {}, which is not supported", name, field.at("type").dump()));
      }
      fields.push_back(arrow::field(name, type, field.at("nullable").get<bool>()));
    }
  } catch (const nlohmann::json::exception& e) {
    return absl::DataLossError(fmt::format("the table's schema is no Delta schema: {}", e.what()));
  }
  return arrow::schema(std::move(fields));
}

}  // namespace forebay
