// Rows of a table as a Parquet data file, with its add action.
//
//   auto file = DataFileWriter::Create(store, table_path, "2023-11-14", *rows->schema(),
//                                      *snapshot.schema, {}).value();
//   file->Write({rows});                    // a row group; as often as there are rows
//   AddAction add = file->Finish(now).value();
#ifndef FOREBAY_OFFLINE_DELTA_DATA_FILE_H_
#define FOREBAY_OFFLINE_DELTA_DATA_FILE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/actions.h"
#include "schemas/types/parquet_encoding.h"

namespace arrow {
class Array;
class RecordBatch;
class Schema;
}  // namespace arrow

namespace parquet::arrow {
class FileWriter;
}

namespace forebay {

class ArrowOutput;

// What a file was made by, in its tag `forebay.stage`.
enum class FileStage {
  kFlushed = 1,    // in the order of the change log; small; rewritten soon
  kCompacted = 2,  // sorted, and one of a run of files that no key is in two of
};

// The first instant of the date of a data file, microseconds UTC; nullopt: it has none.
std::optional<int64_t> StartOfDate(const AddAction& file);
// How many rows it has, by its statistics; nullopt: they do not say.
std::optional<int64_t> RowsOf(const AddAction& file);

struct DataFileOptions {
  ParquetEncoding encoding = ParquetEncoding::kCompatible;
  FileStage stage = FileStage::kFlushed;
  std::string run;     // of a compacted file: what its run is called
  int64_t part = 0;    // likewise: its number there
  bool cold = false;   // read seldom: compressed harder
  std::string prefix;  // of what the log calls the file: a FilePlace's
};

// The tags of files that forebay writes.
inline constexpr char kStageTag[] = "forebay.stage";
inline constexpr char kRunTag[] = "forebay.run";
inline constexpr char kPartTag[] = "forebay.part";
inline constexpr char kKeyHashMinTag[] = "forebay.key_hash_min";  // of column _key_hash
inline constexpr char kKeyHashMaxTag[] = "forebay.key_hash_max";
inline constexpr char kEffectiveMinTag[] = "forebay.effective_min";  // of column _effective_time
inline constexpr char kEffectiveMaxTag[] = "forebay.effective_max";

// Of a row group; columns have statistics for each.
inline constexpr int64_t kRowGroupRows = 128 * 1024;

// A column of rows, by its number in their schema.
using ColumnSource = std::function<absl::StatusOr<std::shared_ptr<arrow::Array>>(int index)>;

// Holds no rows: they are in the file when Write returns. After an error, or without Finish, there
// is no file.
class DataFileWriter {
 public:
  // `<folder>/date=<date>/part-<random>.parquet`, of rows of `schema`: columns of the table, whose
  // schema (`table_schema`) has their field ids. The file has the column `date`, too.
  static absl::StatusOr<std::unique_ptr<DataFileWriter>> Create(
      ObjectStore* store, const std::string& folder, const std::string& date,
      const arrow::Schema& schema, const arrow::Schema& table_schema, DataFileOptions options);
  ~DataFileWriter();

  // Adds the rows, in the order given, as a row group; as several, where they are many.
  absl::Status Write(const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows);

  // Adds a row group of at most kRowGroupRows rows, whose columns are asked for one after the
  // other, so that there is one in memory.
  absl::Status WriteColumns(int64_t rows, const ColumnSource& column);

  // The file is durable on return. Statistics of the action: numRecords and nullCount of every
  // column. REQUIRES: it has a row.
  absl::StatusOr<AddAction> Finish(int64_t now_us);

  // Bytes in the file so far.
  int64_t size() const;

 private:
  // The least and greatest value of a column of int64 or timestamps.
  struct Extremes {
    int column = -1;  // -1: the rows have no such column
    int64_t least = INT64_MAX;
    int64_t greatest = INT64_MIN;

    void Take(int index, const arrow::Array& values);
  };

  DataFileWriter() = default;

  template <typename Step>
  absl::Status Run(Step step);
  // `first`: the first rows; none: they are not known.
  absl::Status Open(const std::vector<std::shared_ptr<arrow::RecordBatch>>& first);
  void Count(int index, const arrow::Array& values);
  std::string Statistics() const;
  StringMap Tags() const;

  std::string path_;  // as the log calls it
  std::string date_;
  int32_t day_ = 0;          // since 1970
  std::string description_;  // of where it is, for messages
  DataFileOptions options_;
  std::shared_ptr<arrow::Schema> schema_;  // of the file
  std::shared_ptr<arrow::Schema> table_schema_;
  int64_t row_count_ = 0;
  std::vector<int64_t> null_counts_;  // by column
  Extremes key_hashes_;
  Extremes effective_times_;

  // Each uses the one before.
  std::unique_ptr<ObjectWriter> object_;
  std::shared_ptr<ArrowOutput> out_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;  // null: there are no rows yet
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_DATA_FILE_H_
