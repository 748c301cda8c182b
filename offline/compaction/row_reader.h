// The rows of a data file, batch by batch, with the columns that its table has now.
#ifndef FOREBAY_OFFLINE_COMPACTION_ROW_READER_H_
#define FOREBAY_OFFLINE_COMPACTION_ROW_READER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"

namespace arrow {
class RecordBatch;
class RecordBatchReader;
class Schema;
}  // namespace arrow

namespace parquet::arrow {
class FileReader;
}

namespace forebay {

class RowReader {
 public:
  // `data_file`: as the log of the table calls it. Columns that the file lacks are null, those of
  // other types, as other programs write them, are cast. `batch_rows`: at most, of a batch.
  // DATA_LOSS: it is missing or damaged, or a column does not fit. `store` must outlive this.
  static absl::StatusOr<std::unique_ptr<RowReader>> Open(const ObjectStore& store,
                                                         const std::string& table,
                                                         const std::string& data_file,
                                                         std::shared_ptr<arrow::Schema> schema,
                                                         int64_t batch_rows);
  ~RowReader();

  // Null at the end.
  absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> Next();

 private:
  RowReader() = default;
  template <typename T, typename Step>
  absl::StatusOr<T> Run(Step step);

  const ObjectStore* store_ = nullptr;
  std::string table_;
  std::string data_file_;
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<parquet::arrow::FileReader> file_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_COMPACTION_ROW_READER_H_
