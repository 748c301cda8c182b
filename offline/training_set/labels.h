// The labels of a training set: a table with entity keys and a time.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_LABELS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_LABELS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "forebay/v1/definition.pb.h"
#include "offline/training_set/labels_file.h"
#include "schemas/types/strong_int.h"

namespace arrow {
class Table;
}

namespace forebay {

struct Labels {
  std::string path;  // or what it is called in messages
  std::shared_ptr<arrow::Table> table;
  std::vector<KnownTime> times;  // one per row
  std::string note;              // a sentence on how the times were taken; may be empty
  std::vector<InputFile> files;  // that they were read from
};

// `keys`: the key columns that the features asked for need, each by name and type; columns of a CSV
// file with these names are read as these types, the others as they look. `unit`: of times that are
// whole numbers; see label_times.h.
// INVALID_ARGUMENT: a column is missing, has a type that does not fit, or a value that does not,
// with its row or line. Else as ReadLabelsFile.
absl::StatusOr<Labels> ReadLabels(const LabelsSource& source, const std::string& time_column,
                                  v1::TimeEncoding unit, const std::vector<const v1::Field*>& keys);

// Of a table that was read. `unit` counts where its times are whole numbers alone.
absl::StatusOr<Labels> LabelsOf(LabelsInput input, const std::string& time_column,
                                v1::TimeEncoding unit, const std::vector<const v1::Field*>& keys);

// Keys without a time: each of `times` (microseconds UTC, ascending) with each of the rows, in the
// order of the times. The times are in a column `time_column` after the others.
// INVALID_ARGUMENT as ReadLabels, or there is a column of that name.
absl::StatusOr<Labels> ReadKeys(const LabelsSource& source, const std::string& time_column,
                                const std::vector<int64_t>& times,
                                const std::vector<const v1::Field*>& keys);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_LABELS_H_
