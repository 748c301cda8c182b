// What a training set is written as: a Parquet or CSV file, one for each split, folders by the
// values of a column, or a Delta table.
//
//   auto writer = TrainingSetWriter::Create({.path = "training.parquet"}, schema, {}).value();
//   writer->Write(rows);                         // in the order of the labels, as often as needed
//   std::vector<OutputFile> files = writer->Finish().value();
//
// Nothing is there before Finish, and nothing is left behind without it: files have other names
// until then, a Delta table gets one commit. What was there before is replaced as a whole: a file,
// or, with `overwrite`, folders and the rows of a Delta table.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_TRAINING_SET_WRITER_H_
#define FOREBAY_OFFLINE_TRAINING_SET_TRAINING_SET_WRITER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/training_set/label_split.h"
#include "offline/training_set/output_format.h"
#include "offline/training_set/row_parts.h"

namespace arrow {
class Schema;
class Table;
namespace internal {
class Executor;
}
}  // namespace arrow

namespace forebay {

class ArrowOutput;
class FileEncoder;

struct OutputOptions {
  std::string path;  // of files: in a file system; of a Delta table: also s3://bucket/path
  OutputFormat format = OutputFormat::kParquet;
  // A column of text, integers, booleans or dates, which is in the names of folders alone; "":
  // none.
  std::string partition_by;
  // `out-train.parquet`; in a Delta table the column `split`.
  std::vector<std::string> split_names;
  bool overwrite = false;
  ParquetLayout layout;  // of Parquet files and Delta tables
  S3Settings s3;
  arrow::internal::Executor* executor = nullptr;  // of columns; null: Arrow's own
};

struct OutputFile {
  std::string path;
  std::string split;  // "": there are none
  int64_t rows = 0;
  int64_t bytes = 0;
  std::string sha256;
};

// OK: an output can be written there. Said before the work is done. FAILED_PRECONDITION: something
// is there that is not to be replaced. INVALID_ARGUMENT: options that do not fit each other.
absl::Status CheckOutput(const OutputOptions& options);

class TrainingSetWriter {
 public:
  // `schema`: of all rows. `splits`: per row, an index into split_names; empty where there are
  // none. Errors as CheckOutput; INVALID_ARGUMENT: no such column to partition by, or of another
  // type.
  static absl::StatusOr<std::unique_ptr<TrainingSetWriter>> Create(
      OutputOptions options, std::shared_ptr<arrow::Schema> schema, std::vector<uint8_t> splits);
  ~TrainingSetWriter();

  absl::Status Write(const std::shared_ptr<arrow::Table>& rows);
  // The files, by split and value. Once. `check`: what it says of them before they are there.
  absl::StatusOr<std::vector<OutputFile>> Finish(
      const std::function<absl::Status(const std::vector<OutputFile>&)>& check = nullptr);

  // By column of the schema, of all rows written.
  const std::vector<int64_t>& null_counts() const { return null_counts_; }

 private:
  struct Part;

  TrainingSetWriter(OutputOptions options, std::shared_ptr<arrow::Schema> schema,
                    std::vector<uint8_t> splits);

  bool is_delta() const { return options_.format == OutputFormat::kDelta; }
  std::string SplitName(int split) const;
  absl::Status OpenTable();
  absl::StatusOr<Part*> Open(const PartKey& key);
  absl::Status WritePart(const PartKey& key, std::shared_ptr<arrow::Table> rows);
  absl::Status CommitTable();
  absl::Status RenameFiles();
  absl::Status Failed(std::string_view what) const;

  const OutputOptions options_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<arrow::Schema> part_schema_;  // without the column that folders are named after
  const std::vector<uint8_t> splits_;
  // At the end of files' names until Finish; another one than that of whoever writes the same.
  const std::string unfinished_;
  int64_t row_ = 0;  // of the next Write
  std::vector<int64_t> null_counts_;
  std::map<PartKey, Part> parts_;
  std::set<std::string> roots_;  // of files: what is renamed in the end
  bool finished_ = false;
  // Of a Delta table.
  std::shared_ptr<ObjectStore> store_;
  std::string table_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_TRAINING_SET_WRITER_H_
