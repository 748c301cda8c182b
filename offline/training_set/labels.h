// The labels of a training set: a table with entity keys and a time, from Parquet or CSV.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_LABELS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_LABELS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "schemas/types/strong_int.h"

namespace arrow {
class Table;
}

namespace forebay {

namespace v1 {
class Field;
}

struct Labels {
  std::shared_ptr<arrow::Table> table;
  std::vector<KnownTime> times;  // one per row
};

// `keys`: the key columns that the features asked for need, each by name and type; columns of a CSV
// file with these names are read as these types, the others as they look.
// INVALID_ARGUMENT: a column is missing, has a type that does not fit, or a time is null or
// unreadable (with the row, counted from 1).
absl::StatusOr<Labels> ReadLabels(const std::string& path, const std::string& time_column,
                                  const std::vector<const v1::Field*>& keys);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_LABELS_H_
