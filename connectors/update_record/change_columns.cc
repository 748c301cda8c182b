#include "connectors/update_record/change_columns.h"

#include <arrow/api.h>

#include <algorithm>

#include "engine/batch/change_batch.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

ColumnForm FormOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return ColumnForm::kBool;
    case arrow::Type::INT32:
      return ColumnForm::kInt32;
    case arrow::Type::DOUBLE:
      return ColumnForm::kDouble;
    case arrow::Type::STRING:
      return ColumnForm::kString;
    case arrow::Type::BINARY:
      return ColumnForm::kBytes;
    case arrow::Type::TIMESTAMP:
      return ColumnForm::kTime;
    default:
      return ColumnForm::kInt64;
  }
}

}  // namespace

std::vector<ChangeField> ChangeFields(const v1::FeatureView& view, const v1::Entity& entity) {
  std::vector<ChangeField> fields;
  std::shared_ptr<arrow::Schema> schema = ChangeSchema(view, entity);
  for (const auto& field : schema->fields()) {
    fields.push_back({field->name(), FormOf(*field->type()), field->nullable()});
  }
  return fields;
}

const v1::Entity& EntityOf(const v1::Project& project, const v1::FeatureView& view) {
  return *std::find_if(project.entities().begin(), project.entities().end(),
                       [&](const v1::Entity& entity) { return entity.name() == view.entity(); });
}

RawColumns::RawColumns(const std::vector<ChangeField>& fields, const arrow::RecordBatch& rows)
    : columns_(fields.size()) {
  for (size_t i = 0; i < fields.size(); ++i) {
    const arrow::ArrayData& data = *rows.column_data(static_cast<int>(i));
    RawColumn& column = columns_[i];
    column.offset_ = data.offset;
    if (data.buffers[0] != nullptr && data.GetNullCount() != 0) {
      column.validity_ = data.buffers[0]->data();
    }
    if (data.buffers[1] != nullptr) column.values_ = data.buffers[1]->data();
    bool text = fields[i].form == ColumnForm::kString || fields[i].form == ColumnForm::kBytes;
    if (text && data.buffers[2] != nullptr) {
      column.text_ = reinterpret_cast<const char*>(data.buffers[2]->data());
    }
  }
}

}  // namespace forebay
