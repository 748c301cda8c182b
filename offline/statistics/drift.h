// How far the values of a feature have moved from a baseline.
//
//   Drift drift = MeasureDrift(of_training_set, of_last_week);
//   if (drift.psi.value_or(0) > 0.2) ...
//
// Numbers are compared in bins that the baseline's deciles bound, strings and bytes by the ten most
// frequent values of the baseline and all others; rows without a value are in none. The formulas,
// with their sources: docs/statistics.md.
#ifndef FOREBAY_OFFLINE_STATISTICS_DRIFT_H_
#define FOREBAY_OFFLINE_STATISTICS_DRIFT_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "offline/statistics/feature_statistics.h"

namespace forebay {

struct Drift {
  // nullopt: there are values on one side alone, or on none.
  std::optional<double> psi;
  std::optional<double> jensen_shannon;  // the distance, 0 to 1
  std::optional<double> mean_shift;      // in standard deviations of the baseline; of numbers
  double baseline_null_rate = 0;
  double null_rate = 0;
  int64_t baseline_rows = 0;
  int64_t rows = 0;
  bool one_sided = false;  // values on one side alone
};

// REQUIRES: of the same type.
Drift MeasureDrift(const FeatureStatistics& baseline, const FeatureStatistics& now);

// The population stability index and the Jensen-Shannon distance of counts by bin. REQUIRES: as
// many bins, and some count above 0 on each side.
double StabilityIndex(const std::vector<int64_t>& baseline, const std::vector<int64_t>& now);
double JensenShannonDistance(const std::vector<int64_t>& baseline, const std::vector<int64_t>& now);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_STATISTICS_DRIFT_H_
