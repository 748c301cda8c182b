#include "offline/iceberg/iceberg_schema.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "offline/delta/table_schema.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;

// "" for a type that is no scalar of offline tables.
const char* ScalarName(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return "boolean";
    case arrow::Type::INT32:
      return "int";
    case arrow::Type::INT64:
      return "long";
    case arrow::Type::DOUBLE:
      return "double";
    case arrow::Type::STRING:
      return "string";
    case arrow::Type::BINARY:
      return "binary";
    case arrow::Type::DATE32:
      return "date";
    case arrow::Type::TIMESTAMP:
      return "timestamptz";
    default:
      return "";
  }
}

absl::StatusOr<Json> ToIcebergType(const arrow::Field& field) {
  const bool is_list = field.type()->id() == arrow::Type::LIST;
  const arrow::Field& scalar = is_list ? *field.type()->field(0) : field;
  const std::string name = ScalarName(*scalar.type());
  if (name.empty()) {
    return absl::UnimplementedError(fmt::format("column {} has type {}, which is not exported",
                                                field.name(), field.type()->ToString()));
  }
  if (!is_list) return Json(name);
  return Json{{"type", "list"},
              {"element-id", FieldId(scalar)},
              {"element-required", !scalar.nullable()},
              {"element", name}};
}

// Null: it has another one.
std::shared_ptr<arrow::Field> WithIdOf(const arrow::Field& field, int id) {
  if (const int own = FieldId(field); own != 0 && own != id) return nullptr;
  return WithFieldId(field, id);
}

// Programs call the elements of lists so.
Json NamesOf(const arrow::Field& field) {
  Json names = {{"field-id", FieldId(field)}, {"names", Json::array({field.name()})}};
  if (field.type()->id() != arrow::Type::LIST) return names;
  names["fields"] = Json::array({{{"field-id", FieldId(*field.type()->field(0))},
                                  {"names", Json::array({"element", "item"})}}});
  return names;
}

}  // namespace

std::shared_ptr<arrow::Schema> WithFieldIdsOf(const std::string& before,
                                              const arrow::Schema& schema) {
  arrow::FieldVector fields = schema.fields();
  const Json columns = Json::parse(before);
  for (const Json& known : columns.at("fields")) {
    auto it = std::find_if(fields.begin(), fields.end(),
                           [&](const auto& field) { return field->name() == known.at("name"); });
    if (it == fields.end()) continue;
    std::shared_ptr<arrow::Field>& field = *it;
    const bool is_list = field->type()->id() == arrow::Type::LIST;
    if (is_list != known.at("type").is_object()) return nullptr;
    if (is_list) {
      auto element = WithIdOf(*field->type()->field(0), known["type"].at("element-id").get<int>());
      if (element == nullptr) return nullptr;
      field = field->WithType(arrow::list(std::move(element)));
    }
    field = WithIdOf(*field, known.at("id").get<int>());
    if (field == nullptr) return nullptr;
  }
  return WithFieldIds(*arrow::schema(std::move(fields)));
}

absl::StatusOr<IcebergSchema> ToIcebergSchema(const arrow::Schema& schema) {
  IcebergSchema out;
  Json fields = Json::array();
  Json names = Json::array();
  for (const auto& field : schema.fields()) {
    absl::StatusOr<Json> type = ToIcebergType(*field);
    if (!type.ok()) return type.status();
    fields.push_back({{"id", FieldId(*field)},
                      {"name", field->name()},
                      {"required", !field->nullable()},
                      {"type", *std::move(type)}});
    names.push_back(NamesOf(*field));
    out.last_column_id = std::max(out.last_column_id, FieldId(*field));
    if (field->type()->id() == arrow::Type::LIST)
      out.last_column_id = std::max(out.last_column_id, FieldId(*field->type()->field(0)));
    if (field->name() == "date" && field->type()->id() == arrow::Type::DATE32)
      out.date_id = FieldId(*field);
  }
  if (out.date_id == 0)
    return absl::FailedPreconditionError("it has no column `date` of type date");
  out.json = Json{{"type", "struct"}, {"schema-id", 0}, {"fields", std::move(fields)}}.dump();
  out.name_mapping = names.dump();
  return out;
}

}  // namespace forebay
