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

}  // namespace

absl::StatusOr<std::string> ToDeltaSchema(const arrow::Schema& schema) {
  Json fields = Json::array();
  for (const auto& field : schema.fields()) {
    std::string type;
    for (const auto& [name, arrow_type] : Types()) {
      if (field->type()->Equals(arrow_type)) type = name;
    }
    if (type.empty()) {
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
      std::shared_ptr<arrow::DataType> type;
      for (const auto& [delta_type, arrow_type] : Types()) {
        if (field.at("type") == delta_type) type = arrow_type;
      }
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
