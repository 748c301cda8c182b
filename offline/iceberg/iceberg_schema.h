// Arrow schemas, with field ids as Parquet has them, as Iceberg's schema JSON.
#ifndef FOREBAY_OFFLINE_ICEBERG_ICEBERG_SCHEMA_H_
#define FOREBAY_OFFLINE_ICEBERG_ICEBERG_SCHEMA_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace arrow {
class Schema;
}

namespace forebay {

struct IcebergSchema {
  std::string json;          // {"type":"struct","schema-id":0,"fields":[...]}, its id always 0
  std::string name_mapping;  // JSON: the names by which files without ids have the columns
  int last_column_id = 0;
  int date_id = 0;  // of the column `date`
};

// UNIMPLEMENTED: a type that offline tables do not hold. FAILED_PRECONDITION: there is no `date`.
// REQUIRES: every column, and every element of a list, has an id (HasFieldIds).
absl::StatusOr<IcebergSchema> ToIcebergSchema(const arrow::Schema& schema);

// The ids by which a schema of before (JSON) is known, for the columns of the same names; the
// others get ids as of WithFieldIds. Null: a column has an id already, and another one there.
std::shared_ptr<arrow::Schema> WithFieldIdsOf(const std::string& before,
                                              const arrow::Schema& schema);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ICEBERG_ICEBERG_SCHEMA_H_
