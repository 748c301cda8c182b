// The labels of a training set: a table with entity keys and a time, from Parquet or CSV.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_LABELS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_LABELS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/strong_int.h"

namespace arrow {
class Table;
}

namespace forebay {

struct Labels {
  std::string path;
  std::shared_ptr<arrow::Table> table;
  std::vector<KnownTime> times;  // one per row
  std::string note;              // a sentence on how the times were taken; may be empty
};

// `keys`: the key columns that the features asked for need, each by name and type; columns of a CSV
// file with these names are read as these types, the others as they look. `unit`: of times that are
// whole numbers; see label_times.h.
// INVALID_ARGUMENT: a column is missing, has a type that does not fit, or a value that does not,
// with its row or line.
absl::StatusOr<Labels> ReadLabels(const std::string& path, const std::string& time_column,
                                  v1::TimeEncoding unit, const std::vector<const v1::Field*>& keys);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_LABELS_H_
