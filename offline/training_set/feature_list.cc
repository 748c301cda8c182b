#include "offline/training_set/feature_list.h"

#include <set>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {

absl::StatusOr<std::vector<NamedFeature>> ResolveFeatures(const v1::Project& project,
                                                          const std::vector<std::string>& names) {
  absl::flat_hash_set<std::string> seen;
  std::vector<NamedFeature> resolved;
  for (const std::string& name : names) {
    const std::string trimmed(absl::StripAsciiWhitespace(name));
    ASSIGN_OR_RETURN(std::vector<NamedFeature> found, ResolveAnyName(project, trimmed));
    for (NamedFeature& feature : found) {
      if (seen.insert(feature.name).second) resolved.push_back(std::move(feature));
    }
  }
  if (resolved.empty()) {
    return absl::InvalidArgumentError(
        "no features asked for: give view.feature, a view or a feature service");
  }
  return resolved;
}

absl::StatusOr<std::vector<ViewId>> ViewsOf(const v1::Project& project,
                                            const std::vector<std::string>& features) {
  ASSIGN_OR_RETURN(std::vector<NamedFeature> resolved, ResolveFeatures(project, features));
  std::set<ViewId> views;
  for (const NamedFeature& feature : resolved) {
    const v1::FeatureView& view = project.feature_views(feature.view);
    views.insert({view.name(), view.version()});
  }
  return std::vector<ViewId>(views.begin(), views.end());
}

}  // namespace forebay
