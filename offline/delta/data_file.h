// Rows of change records as a Parquet data file of a table, with its add action.
//
//   auto file = DataFileWriter::Create(store, table, "2023-11-14", *schema, encoding).value();
//   file->Write(rows);                      // a row group; as often as there are rows
//   AddAction add = file->Finish(now).value();
#ifndef FOREBAY_OFFLINE_DELTA_DATA_FILE_H_
#define FOREBAY_OFFLINE_DELTA_DATA_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/actions.h"
#include "schemas/types/parquet_encoding.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace parquet::arrow {
class FileWriter;
}

namespace forebay {

class ArrowOutput;

// Holds no rows: they are in the file when Write returns. After an error, or without Finish, there
// is no file.
class DataFileWriter {
 public:
  // `<table>/date=<date>/part-<random>.parquet`, of rows of `schema`, a ChangeSchema.
  static absl::StatusOr<std::unique_ptr<DataFileWriter>> Create(ObjectStore* store,
                                                                const std::string& table,
                                                                const std::string& date,
                                                                const arrow::Schema& schema,
                                                                ParquetEncoding encoding);
  ~DataFileWriter();

  // Adds the rows, in the order given, as a row group; as several, where they are many.
  absl::Status Write(const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows);

  // The file is durable on return. Statistics of the action: numRecords and nullCount of every
  // column. REQUIRES: it has a row.
  absl::StatusOr<AddAction> Finish(int64_t now_us);

 private:
  DataFileWriter() = default;

  template <typename Step>
  absl::Status Run(Step step);
  std::string Statistics() const;

  std::string path_;  // in the table
  std::string date_;
  std::string description_;  // of where it is, for messages
  std::shared_ptr<arrow::Schema> schema_;
  int64_t row_count_ = 0;
  std::vector<int64_t> null_counts_;  // by column

  // Each uses the one before.
  std::unique_ptr<ObjectWriter> object_;
  std::shared_ptr<ArrowOutput> out_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_DATA_FILE_H_
