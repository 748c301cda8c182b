// Labels in a CSV file.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_CSV_LABELS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_CSV_LABELS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace arrow {
class Table;
namespace io {
class InputStream;
}
}  // namespace arrow

namespace forebay {

namespace v1 {
class Field;
}

// As ReadLabelsFile. Fields of the `keys` that are no text are null where they are empty, or NA,
// NULL, NaN and the like.
absl::StatusOr<std::shared_ptr<arrow::Table>> ReadCsvLabels(
    const std::string& path, std::shared_ptr<arrow::io::InputStream> file,
    const std::string& time_column, const std::vector<const v1::Field*>& keys);

// The line, counted from 1, on which label `row`, counted from 0, begins: quoted text may go over
// lines, and empty lines are no labels.
int64_t LineOfCsvLabel(const std::string& path, int64_t row);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_CSV_LABELS_H_
