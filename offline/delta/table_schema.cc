#include "offline/delta/table_schema.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kParquetFieldId[] = "PARQUET:field_id";
constexpr char kFieldId[] = "forebay.field_id";
constexpr char kElementId[] = "forebay.element_id";

bool IsList(const arrow::Field& field) { return field.type()->id() == arrow::Type::LIST; }

const std::vector<std::pair<std::string, std::shared_ptr<arrow::DataType>>>& Types() {
  static const auto& types =
      *new std::vector<std::pair<std::string, std::shared_ptr<arrow::DataType>>>{
          {"boolean", arrow::boolean()},
          {"byte", arrow::int8()},
          {"short", arrow::int16()},
          {"integer", arrow::int32()},
          {"long", arrow::int64()},
          {"float", arrow::float32()},
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

std::shared_ptr<arrow::Field> WithFieldId(const arrow::Field& field, int id) {
  return field.WithMetadata(arrow::key_value_metadata({kParquetFieldId}, {std::to_string(id)}));
}

int FieldId(const arrow::Field& field) {
  if (field.metadata() == nullptr) return 0;
  return std::atoi(field.metadata()->Get(kParquetFieldId).ValueOr("0").c_str());
}

absl::StatusOr<std::string> ToDeltaSchema(const arrow::Schema& schema) {
  Json fields = Json::array();
  for (const auto& field : schema.fields()) {
    Json type = ToDeltaType(*field->type());
    if (type.is_null()) {
      return absl::UnimplementedError(
          fmt::format("column {} has type {}, which offline tables do not hold yet", field->name(),
                      field->type()->ToString()));
    }
    Json metadata = Json::object();
    if (int id = FieldId(*field); id != 0) metadata[kFieldId] = id;
    if (IsList(*field)) {
      if (int id = FieldId(*field->type()->field(0)); id != 0) metadata[kElementId] = id;
    }
    fields.push_back({{"name", field->name()},
                      {"type", type},
                      {"nullable", field->nullable()},
                      {"metadata", std::move(metadata)}});
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
      const Json metadata = field.value("metadata", Json::object());
      if (type->id() == arrow::Type::LIST && metadata.contains(kElementId))
        type = arrow::list(WithFieldId(*type->field(0), metadata[kElementId].get<int>()));
      auto added = arrow::field(name, type, field.at("nullable").get<bool>());
      if (metadata.contains(kFieldId)) added = WithFieldId(*added, metadata[kFieldId].get<int>());
      fields.push_back(std::move(added));
    }
  } catch (const nlohmann::json::exception& e) {
    return absl::DataLossError(fmt::format("the table's schema is no Delta schema: {}", e.what()));
  }
  return arrow::schema(std::move(fields));
}

std::shared_ptr<arrow::Schema> WithFieldIds(const arrow::Schema& schema) {
  int last = 0;
  for (const auto& field : schema.fields()) {
    last = std::max(last, FieldId(*field));
    if (IsList(*field)) last = std::max(last, FieldId(*field->type()->field(0)));
  }
  arrow::FieldVector fields = schema.fields();
  for (auto& field : fields) {
    if (FieldId(*field) == 0) field = WithFieldId(*field, ++last);
    if (!IsList(*field) || FieldId(*field->type()->field(0)) != 0) continue;
    field = field->WithType(arrow::list(WithFieldId(*field->type()->field(0), ++last)));
  }
  return arrow::schema(std::move(fields));
}

bool HasFieldIds(const arrow::Schema& schema) {
  return std::all_of(schema.fields().begin(), schema.fields().end(), [](const auto& field) {
    return FieldId(*field) != 0 && (!IsList(*field) || FieldId(*field->type()->field(0)) != 0);
  });
}

}  // namespace forebay
