#include "schemas/definition/feature_alerts.h"

#include <limits>
#include <optional>

#include "schemas/definition/map_reader.h"

namespace forebay::definition {

void ReadAlerts(const YamlNode* node, v1::Feature* feature, Findings* findings) {
  if (node == nullptr) return;
  MapReader map(*node, "alerts", {"null_rate", "psi", "jensen_shannon"}, findings);
  if (!map.is_map()) return;
  if (node->entries.empty()) {
    findings->Add(*node, "alerts names no limit: write one, as in {psi: 0.2}, or remove the key");
    return;
  }
  auto read = [&](const char* name, double most) {
    return ReadNumber(map.Get(name), name, {.least = 0, .most = most}, findings);
  };
  v1::FeatureAlerts* alerts = feature->mutable_alerts();
  if (std::optional<double> limit = read("null_rate", 1)) alerts->set_null_rate(*limit);
  constexpr double kAny = std::numeric_limits<double>::infinity();
  if (std::optional<double> limit = read("psi", kAny)) alerts->set_psi(*limit);
  if (std::optional<double> limit = read("jensen_shannon", 1)) alerts->set_jensen_shannon(*limit);
}

}  // namespace forebay::definition
