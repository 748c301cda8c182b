#include "offline/served/served_row.h"

#include <arrow/api.h>

#include "engine/batch/arrow_type.h"

namespace forebay {

std::shared_ptr<arrow::Schema> ServedSchema(const ServedColumns& columns) {
  arrow::FieldVector fields;
  auto add = [&](const std::string& name, DataType type, bool nullable = true) {
    fields.push_back(arrow::field(name, ArrowType(type), nullable));
  };
  add("_request_id", DataType::kString, false);
  add("_entity", DataType::kInt64, false);
  add("_time", DataType::kTimestamp, false);
  add("_at", DataType::kTimestamp);
  add("_service_version", DataType::kInt64, false);
  add("_views", ListOf(DataType::kString));
  add("_model", DataType::kString);
  add("_model_version", DataType::kInt64);
  add("_shadow_of", DataType::kInt64);
  add("_catalog_version", DataType::kInt64);
  for (const ServedColumns::Column& key : columns.keys) add(key.name, key.type);
  for (const ServedColumns::Column& feature : columns.features) {
    add(feature.name, feature.type);
    add(feature.name + ".status", DataType::kString);
  }
  return arrow::schema(fields);
}

}  // namespace forebay
