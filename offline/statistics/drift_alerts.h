// Drift beyond the limits that the definition of a feature has (`alerts`).
#ifndef FOREBAY_OFFLINE_STATISTICS_DRIFT_ALERTS_H_
#define FOREBAY_OFFLINE_STATISTICS_DRIFT_ALERTS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "offline/statistics/drift.h"

namespace forebay {

namespace v1 {
class FeatureAlerts;
}

struct DriftAlert {
  std::string_view measure;     // "null_rate", "psi", "jensen_shannon"
  std::optional<double> value;  // nullopt: there are values on one side alone, or on none
  double limit = 0;
  bool is_beyond = false;  // also where there are values on one side alone

  // "psi 0.31 above 0.2".
  std::string ToString() const;
};

// One for each limit that there is.
std::vector<DriftAlert> CheckAlerts(const v1::FeatureAlerts& alerts, const Drift& drift);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_STATISTICS_DRIFT_ALERTS_H_
