// Rows of change records as a Parquet data file of a table, with its add action.
#ifndef FOREBAY_OFFLINE_DELTA_DATA_FILE_H_
#define FOREBAY_OFFLINE_DELTA_DATA_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/actions.h"
#include "schemas/types/parquet_encoding.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace forebay {

// How many columns at the front of a ChangeSchema are entity keys: those that are not nullable.
int KeyColumns(const arrow::Schema& change_schema);

// Writes `<table>/date=<date>/part-<random>.parquet` durably, rows in the order given. Statistics
// of the action: numRecords and nullCount of every column.
// REQUIRES: at least one row; all batches of one ChangeSchema.
absl::StatusOr<AddAction> WriteDataFile(
    ObjectStore* store, const std::string& table, const std::string& date,
    const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows, ParquetEncoding encoding,
    int64_t now_us);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_DATA_FILE_H_
