#include "offline/delta/json_arrow.h"

#include <string>

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;

template <typename Builder, typename T>
arrow::Status AppendScalar(const Json& value, arrow::ArrayBuilder* builder) {
  return static_cast<Builder*>(builder)->Append(value.get<T>());
}

arrow::Status AppendStruct(const Json& value, arrow::StructBuilder* builder) {
  ARROW_RETURN_NOT_OK(builder->Append());
  const std::shared_ptr<arrow::DataType> type = builder->type();  // made anew by every call
  for (int i = 0; i < builder->num_fields(); ++i) {
    const std::string& name = type->field(i)->name();
    ARROW_RETURN_NOT_OK(
        AppendJson(value.contains(name) ? value[name] : Json(), builder->field_builder(i)));
  }
  return arrow::Status::OK();
}

arrow::Status AppendMap(const Json& value, arrow::MapBuilder* builder) {
  ARROW_RETURN_NOT_OK(builder->Append());
  for (const auto& [key, item] : value.items()) {
    ARROW_RETURN_NOT_OK(AppendJson(Json(key), builder->key_builder()));
    ARROW_RETURN_NOT_OK(AppendJson(item, builder->item_builder()));
  }
  return arrow::Status::OK();
}

Json ListToJson(const arrow::ListArray& list, int64_t row) {
  Json out = Json::array();
  for (int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i) {
    out.push_back(ToJson(*list.values(), i));
  }
  return out;
}

Json MapToJson(const arrow::MapArray& map, int64_t row) {
  Json out = Json::object();
  for (int64_t i = map.value_offset(row); i < map.value_offset(row + 1); ++i) {
    Json key = ToJson(*map.keys(), i);
    if (key.is_string()) out[key.get<std::string>()] = ToJson(*map.items(), i);
  }
  return out;
}

Json StructToJson(const arrow::StructArray& array, int64_t row) {
  Json out = Json::object();
  for (int i = 0; i < array.num_fields(); ++i) {
    Json value = ToJson(*array.field(i), row);
    if (!value.is_null()) out[array.type()->field(i)->name()] = std::move(value);
  }
  return out;
}

}  // namespace

arrow::Status AppendJson(const Json& value, arrow::ArrayBuilder* builder) {
  if (value.is_null()) return builder->AppendNull();
  switch (builder->type()->id()) {
    case arrow::Type::BOOL:
      return AppendScalar<arrow::BooleanBuilder, bool>(value, builder);
    case arrow::Type::INT32:
      return AppendScalar<arrow::Int32Builder, int32_t>(value, builder);
    case arrow::Type::INT64:
      return AppendScalar<arrow::Int64Builder, int64_t>(value, builder);
    case arrow::Type::STRING:
      return AppendScalar<arrow::StringBuilder, std::string>(value, builder);
    case arrow::Type::STRUCT:
      return AppendStruct(value, static_cast<arrow::StructBuilder*>(builder));
    case arrow::Type::MAP:
      return AppendMap(value, static_cast<arrow::MapBuilder*>(builder));
    case arrow::Type::LIST: {
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      ARROW_RETURN_NOT_OK(list->Append());
      for (const Json& item : value) ARROW_RETURN_NOT_OK(AppendJson(item, list->value_builder()));
      return arrow::Status::OK();
    }
    default:
      return arrow::Status::NotImplemented("JSON to ", builder->type()->ToString());
  }
}

Json ToJson(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return nullptr;
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(row);
    case arrow::Type::INT32:
      return static_cast<const arrow::Int32Array&>(array).Value(row);
    case arrow::Type::INT64:
      return static_cast<const arrow::Int64Array&>(array).Value(row);
    case arrow::Type::STRING:
      return static_cast<const arrow::StringArray&>(array).GetString(row);
    case arrow::Type::STRUCT:
      return StructToJson(static_cast<const arrow::StructArray&>(array), row);
    case arrow::Type::MAP:
      return MapToJson(static_cast<const arrow::MapArray&>(array), row);
    case arrow::Type::LIST:
      return ListToJson(static_cast<const arrow::ListArray&>(array), row);
    default:
      return nullptr;
  }
}

}  // namespace forebay
