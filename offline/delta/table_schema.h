// Arrow schemas as Delta's schema JSON and back. Columns, and the elements of lists, have field
// ids: in Arrow as Parquet wants them (metadata `PARQUET:field_id`), in the JSON as metadata of the
// field, which Delta readers pass over: `forebay.field_id`, `forebay.element_id`. An Iceberg view
// of the same files goes by them.
#ifndef FOREBAY_OFFLINE_DELTA_TABLE_SCHEMA_H_
#define FOREBAY_OFFLINE_DELTA_TABLE_SCHEMA_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace arrow {
class Field;
class Schema;
}  // namespace arrow

namespace forebay {

// boolean, int8 to int64, float32, float64, utf8, binary, date32, timestamp[us, UTC], and lists of
// these; others are UNIMPLEMENTED.
absl::StatusOr<std::string> ToDeltaSchema(const arrow::Schema& schema);

absl::StatusOr<std::shared_ptr<arrow::Schema>> FromDeltaSchema(const std::string& json);

// The same columns, of which those that had no field id have one: the next above those that are
// taken, in order. An id is never given twice, as columns are never dropped.
std::shared_ptr<arrow::Schema> WithFieldIds(const arrow::Schema& schema);

// 0: it has none.
int FieldId(const arrow::Field& field);
std::shared_ptr<arrow::Field> WithFieldId(const arrow::Field& field, int id);

bool HasFieldIds(const arrow::Schema& schema);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_TABLE_SCHEMA_H_
