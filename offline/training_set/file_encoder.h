// One Parquet or CSV file in the making.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_FILE_ENCODER_H_
#define FOREBAY_OFFLINE_TRAINING_SET_FILE_ENCODER_H_

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "offline/training_set/file_hash.h"
#include "offline/training_set/output_format.h"

namespace arrow::internal {
class Executor;
}

namespace parquet::arrow {
class FileWriter;
}

namespace forebay {

// The bytes depend on the rows alone, not on how many came at a time.
class FileEncoder {
 public:
  // `format`: kDelta writes Parquet. `executor`: encodes columns; null: Arrow's own.
  static arrow::Result<std::unique_ptr<FileEncoder>> Open(
      std::shared_ptr<arrow::io::OutputStream> out, std::shared_ptr<arrow::Schema> schema,
      OutputFormat format, ParquetLayout layout, arrow::internal::Executor* executor);
  ~FileEncoder();

  // REQUIRES: rows of the schema.
  arrow::Status Write(std::shared_ptr<arrow::Table> rows);
  // Writes what is left, and closes `out`.
  arrow::Status Finish();

  int64_t rows() const { return rows_; }
  // By column, of all rows written.
  const std::vector<int64_t>& null_counts() const { return null_counts_; }
  // After Finish.
  FileFacts facts() const { return out_->facts(); }

 private:
  FileEncoder() = default;

  arrow::Status WriteGroup(std::shared_ptr<arrow::Table> rows);
  arrow::Status WriteCsv(const arrow::Table& rows);

  std::shared_ptr<HashedOutput> out_;
  std::shared_ptr<arrow::Schema> schema_;
  int64_t rows_ = 0;
  std::vector<int64_t> null_counts_;
  // Of Parquet.
  std::unique_ptr<parquet::arrow::FileWriter> parquet_;
  std::vector<std::shared_ptr<arrow::Table>> waiting_;  // for a row group to be full
  int64_t waiting_rows_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_FILE_ENCODER_H_
