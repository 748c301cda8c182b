#include "engine/batch/archive_batch.h"

#include <arrow/api.h>

#include <vector>

#include "engine/batch/event_batch.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {

std::shared_ptr<arrow::Schema> ArchiveSchema(const v1::Source& source) {
  const auto& columns = source.schema();
  arrow::FieldVector fields =
      EventSchema({columns.pointer_begin(), columns.pointer_end()})->fields();
  auto time = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  fields.push_back(arrow::field("_event_time", time, false));
  fields.push_back(arrow::field("_known_time", time, false));
  fields.push_back(arrow::field("_timestamp", time, false));
  fields.push_back(arrow::field("_key", arrow::binary(), true));
  fields.push_back(arrow::field("_key_hash", arrow::int64(), false));
  fields.push_back(arrow::field("_source_partition", arrow::int32(), false));
  fields.push_back(arrow::field("_source_offset", arrow::int64(), false));
  return arrow::schema(std::move(fields));
}

bool IsArchiveSchema(const arrow::Schema& schema) {
  return schema.GetFieldIndex("_effective_time") < 0;
}

}  // namespace forebay
