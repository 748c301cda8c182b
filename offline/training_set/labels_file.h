// A file of labels: Parquet, or CSV with a header.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_LABELS_FILE_H_
#define FOREBAY_OFFLINE_TRAINING_SET_LABELS_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace arrow {
class Table;
}

namespace forebay {

namespace v1 {
class Field;
}

// All labels in their order. Of a CSV file (by its name) the time column is text, the columns of
// `keys` have the types of these, and the others those that they look like.
// NOT_FOUND; INVALID_ARGUMENT, of CSV with the line, the column and the value that is wrong.
absl::StatusOr<std::shared_ptr<arrow::Table>> ReadLabelsFile(
    const std::string& path, const std::string& time_column,
    const std::vector<const v1::Field*>& keys);

// Where in its file label `row`, counted from 0, is for a person: "row 3", counted from 1; of CSV
// "line 5", the one on which it begins, for which the file is read up to there.
std::string LabelPlace(const std::string& path, int64_t row);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_LABELS_FILE_H_
