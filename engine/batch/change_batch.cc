#include "engine/batch/change_batch.h"

#include <arrow/api.h>

#include <algorithm>

#include "engine/batch/archive_batch.h"
#include "engine/batch/arrow_type.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

const int64_t* SourceOffsets(const arrow::RecordBatch& rows) {
  return rows.column_data(rows.schema()->GetFieldIndex("_source_offset"))->GetValues<int64_t>(1);
}

}  // namespace

std::shared_ptr<arrow::Schema> ChangeSchema(const v1::FeatureView& view, const v1::Entity& entity) {
  arrow::FieldVector fields;
  for (const v1::Field& key : entity.keys())
    fields.push_back(arrow::field(key.name(), ArrowType(static_cast<DataType>(key.type())), false));
  for (const v1::Feature& feature : view.features()) {
    fields.push_back(
        arrow::field(feature.name(), ArrowType(static_cast<DataType>(feature.type())), true));
  }
  auto time = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  fields.push_back(arrow::field("_effective_time", time, false));
  fields.push_back(arrow::field("_event_time", time, false));
  fields.push_back(arrow::field("_known_time", time, false));
  fields.push_back(arrow::field("_op", arrow::utf8(), false));
  fields.push_back(arrow::field("_key_hash", arrow::int64(), false));
  fields.push_back(arrow::field("_source_partition", arrow::int32(), false));
  fields.push_back(arrow::field("_source_offset", arrow::int64(), false));
  fields.push_back(arrow::field("_ordinal", arrow::int32(), false));
  fields.push_back(arrow::field("_view_version", arrow::int32(), false));
  return arrow::schema(std::move(fields));
}

int EffectiveTimeColumn(const arrow::Schema& change_schema) {
  return change_schema.num_fields() - 1 - kViewVersionColumn;
}

int DatedColumn(const arrow::Schema& schema) {
  return schema.GetFieldIndex(IsArchiveSchema(schema) ? "_event_time" : "_effective_time");
}

int64_t FirstRowAfter(const arrow::RecordBatch& rows, Offset position) {
  if (rows.num_rows() == 0) return 0;
  const int64_t* begin = SourceOffsets(rows);
  return std::upper_bound(begin, begin + rows.num_rows(), position.value()) - begin;
}

std::shared_ptr<arrow::RecordBatch> RowsAfter(const std::shared_ptr<arrow::RecordBatch>& rows,
                                              Offset position) {
  int64_t first = FirstRowAfter(*rows, position);
  if (first == rows->num_rows()) return nullptr;
  return rows->Slice(first);
}

Offset SourceOffset(const arrow::RecordBatch& rows, int64_t row) {
  return Offset(SourceOffsets(rows)[row]);
}

}  // namespace forebay
