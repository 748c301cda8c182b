#include "offline/statistics/drift_alerts.h"

#include <fmt/format.h>

#include "forebay/v1/definition.pb.h"

namespace forebay {

std::string DriftAlert::ToString() const {
  if (!value) return fmt::format("{}: values on one side alone", measure);
  return fmt::format("{} {:.3g} above {:.3g}", measure, *value, limit);
}

std::vector<DriftAlert> CheckAlerts(const v1::FeatureAlerts& alerts, const Drift& drift) {
  std::vector<DriftAlert> checked;
  auto check = [&](std::string_view measure, std::optional<double> value, double limit) {
    checked.push_back({.measure = measure,
                       .value = value,
                       .limit = limit,
                       .is_beyond = value ? *value > limit : drift.one_sided});
  };
  if (alerts.has_null_rate()) check("null_rate", drift.null_rate, alerts.null_rate());
  if (alerts.has_psi()) check("psi", drift.psi, alerts.psi());
  if (alerts.has_jensen_shannon())
    check("jensen_shannon", drift.jensen_shannon, alerts.jensen_shannon());
  return checked;
}

}  // namespace forebay
