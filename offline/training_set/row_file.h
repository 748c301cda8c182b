// Rows as a join reads them: row groups of Parquet files, column chunk by column chunk, and
// batches.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_ROW_FILE_H_
#define FOREBAY_OFFLINE_TRAINING_SET_ROW_FILE_H_

#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace arrow {
class Array;
class DataType;
class RecordBatch;
class Schema;
}  // namespace arrow

namespace parquet::arrow {
class FileReader;
}

namespace forebay {

class FlatColumn;
class ObjectStore;
struct Snapshot;

// Its functions are for any thread. They throw parquet::ParquetException where the Parquet library
// does.
class RowFile {
 public:
  // `table`: the columns as the table has them, of which a file may have fewer.
  static arrow::Result<std::unique_ptr<RowFile>> Open(
      std::shared_ptr<arrow::io::RandomAccessFile> file,
      std::shared_ptr<const arrow::Schema> table);
  ~RowFile();

  int groups() const;
  int64_t RowsOf(int group) const;

  // The least and greatest value of a column of int64 or of timestamps in microseconds in a row
  // group; nullopt: it is another, or the file does not say.
  std::optional<std::pair<int64_t, int64_t>> BoundsOf(int group, const std::string& column) const;

  // What the column takes in the file; 0: there is none.
  int64_t BytesOf(int group, const std::string& column) const;
  int64_t BytesOf(int group) const;  // of all its columns

  // Null: there is no such column, it is not flat, or the file or the table have it as another type
  // than `type`.
  std::unique_ptr<FlatColumn> Flat(int group, const std::string& column,
                                   const arrow::DataType& type) const;

  // All its values, as the table has them; null: there is no such column.
  arrow::Result<std::shared_ptr<arrow::Array>> Read(int group, const std::string& column) const;

 private:
  RowFile() = default;
  // The place of the column among the fields of the file; -1: none.
  int FieldOf(const std::string& column) const;
  // The leaf of a flat column; -1: it is none.
  int LeafOf(int field) const;

  std::shared_ptr<const arrow::Schema> table_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::shared_ptr<arrow::Schema> schema_;  // of the file
};

// A row group of a file, or a batch; columns as RowFile has them.
struct RowPart {
  size_t file_number = 0;  // whose row group it is
  const RowFile* file = nullptr;
  int group = 0;
  std::shared_ptr<arrow::RecordBatch> batch;  // where `file` is null

  int64_t rows() const;
  std::optional<std::pair<int64_t, int64_t>> BoundsOf(const std::string& column) const;
  std::unique_ptr<FlatColumn> Flat(const std::string& column, const arrow::DataType& type) const;
  arrow::Result<std::shared_ptr<arrow::Array>> Read(const std::string& column) const;
};

// Calls read(file, group) for each row group of a data file of a table, in their order. NOT_FOUND
// or DATA_LOSS where the file is gone, damaged, or `read` says that it does not fit.
absl::Status ReadGroups(const ObjectStore& store, const std::string& table,
                        const Snapshot& snapshot, const std::string& path,
                        absl::FunctionRef<arrow::Status(const RowFile& file, int group)> read);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_ROW_FILE_H_
