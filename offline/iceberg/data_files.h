// The data files of a Delta table, as manifests list them.
#ifndef FOREBAY_OFFLINE_ICEBERG_DATA_FILES_H_
#define FOREBAY_OFFLINE_ICEBERG_DATA_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/snapshot.h"
#include "offline/iceberg/manifest.h"

namespace forebay {

// "s3://lake/offline/t/v1/date=2023-11-14/part-1.parquet"; `location`: of the table.
std::string DataFileUri(const std::string& location, const std::string& path);

// Counts are those of the log, where it has them for a column; the number of rows is read from the
// file's footer where the log lacks it. `table`: its folder; `schema`: with field ids.
absl::StatusOr<IcebergDataFile> ToIcebergFile(const ObjectStore& store, const std::string& table,
                                              const std::string& location,
                                              const arrow::Schema& schema, const AddAction& file);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ICEBERG_DATA_FILES_H_
