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
    bool list = field->type()->id() == arrow::Type::LIST;
    const arrow::DataType& type = list ? *field->type()->field(0)->type() : *field->type();
    fields.push_back({field->name(), FormOf(type), field->nullable(), list});
  }
  return fields;
}

const v1::Entity& EntityOf(const v1::Project& project, const v1::FeatureView& view) {
  return *std::find_if(project.entities().begin(), project.entities().end(),
                       [&](const v1::Entity& entity) { return entity.name() == view.entity(); });
}

void RawColumn::PointTo(const arrow::ArrayData& data) {
  offset_ = data.offset;
  if (data.buffers[0] != nullptr && data.GetNullCount() != 0) validity_ = data.buffers[0]->data();
  if (data.buffers[1] != nullptr) values_ = data.buffers[1]->data();
  bool text = data.buffers.size() > 2 && data.buffers[2] != nullptr;
  if (text) text_ = reinterpret_cast<const char*>(data.buffers[2]->data());
}

RawColumns::RawColumns(const std::vector<ChangeField>& fields, const arrow::RecordBatch& rows)
    : columns_(fields.size()) {
  elements_.reserve(fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    const arrow::ArrayData& data = *rows.column_data(static_cast<int>(i));
    columns_[i].PointTo(data);
    if (!fields[i].list) continue;
    elements_.emplace_back().PointTo(*data.child_data[0]);
    columns_[i].elements_ = &elements_.back();
  }
}

}  // namespace forebay
