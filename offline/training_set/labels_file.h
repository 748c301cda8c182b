// Where labels come from: a Parquet or CSV file, a folder of Parquet files, a Delta table, or an
// Arrow stream on stdin.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_LABELS_FILE_H_
#define FOREBAY_OFFLINE_TRAINING_SET_LABELS_FILE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "schemas/types/s3_settings.h"

namespace arrow {
class Table;
}

namespace forebay {

namespace v1 {
class Field;
}

struct LabelsSource {
  // A .parquet or .csv file; a folder: a Delta table, where it has a log, else its .parquet files
  // in the order of their names; s3://bucket/path: a Delta table; "-": an Arrow IPC stream on
  // stdin.
  std::string path;
  std::optional<int64_t> version;  // of a Delta table; the newest
  S3Settings s3;
};

// What was read: a file with its bytes, or a Delta table with its version.
struct InputFile {
  std::string path;
  int64_t bytes = 0;
  std::string sha256;  // "" of a Delta table
  std::optional<int64_t> version;
  std::string table_id;
};

struct LabelsInput {
  std::string name;  // of the source, in messages
  std::shared_ptr<arrow::Table> table;
  std::vector<InputFile> files;
};

// All labels in their order. Of a CSV file (by its name) the time column is text, the columns of
// `keys` have the types of these, and the others those that they look like.
// NOT_FOUND; INVALID_ARGUMENT, of CSV with the line, the column and the value that is wrong;
// ABORTED: a file changed while it was read.
absl::StatusOr<LabelsInput> ReadLabelsFile(const LabelsSource& source,
                                           const std::string& time_column,
                                           const std::vector<const v1::Field*>& keys);

// Where in its file label `row`, counted from 0, is for a person: "row 3", counted from 1; of CSV
// "line 5", the one on which it begins, for which the file is read up to there.
std::string LabelPlace(const std::string& path, int64_t row);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_LABELS_FILE_H_
