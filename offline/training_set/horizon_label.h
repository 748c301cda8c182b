// Labels made of what happened afterwards: was there a fraud within 30 days?
//
//   HorizonLabel fraud{.name = "fraud", .source = {"frauds.parquet"}, .time_column = "at",
//                      .within_us = 30 * kMicrosPerDay};
//   AddHorizonLabel(fraud, keys, unit, &labels, &summary).ok();   // labels.table has a column
//   "fraud"
//
// True: the table has a row of the label's key after the label's time t, up to t + within. False:
// it has none. Null: t + within is after the time up to which the table is known, whatever it has
// up to there; else those that came soon would be in the set and those that did not yet would not.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_HORIZON_LABEL_H_
#define FOREBAY_OFFLINE_TRAINING_SET_HORIZON_LABEL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "offline/training_set/labels.h"

namespace forebay {

struct HorizonLabel {
  std::string name;  // of the column
  LabelsSource source;
  std::string time_column;
  int64_t within_us = 0;
  // Up to when all rows are in the table, microseconds UTC; nullopt: up to its latest time.
  std::optional<int64_t> until_us;
};

struct HorizonLabelCounts {
  int64_t yes = 0;
  int64_t no = 0;
  int64_t unknown = 0;  // null: the horizon is not over, or a part of the key is null
  int64_t until_us = 0;
};

// Rows of the table are matched by those of `keys` (of the features' entities) that it has as
// columns. `unit`: of times that are whole numbers. INVALID_ARGUMENT: it has none of them, or the
// labels have a column of that name; else as ReadLabels. Its files are added to labels->files.
absl::StatusOr<HorizonLabelCounts> AddHorizonLabel(const HorizonLabel& label,
                                                   const std::vector<const v1::Field*>& keys,
                                                   v1::TimeEncoding unit, Labels* labels);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_HORIZON_LABEL_H_
