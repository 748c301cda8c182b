// Names of features as a person gives them, resolved against a project.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_FEATURE_LIST_H_
#define FOREBAY_OFFLINE_TRAINING_SET_FEATURE_LIST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace forebay {

namespace v1 {
class Project;
}

struct ResolvedFeature {
  int view = 0;      // index into Project.feature_views
  int feature = 0;   // index into FeatureView.features
  std::string name;  // "user_spend.spend_1h"
};

// `names`: "view.feature", "view.*", or a feature service; one asked for twice is kept once.
// INVALID_ARGUMENT for unknown names, with the nearest, and for an empty list.
absl::StatusOr<std::vector<ResolvedFeature>> ResolveFeatures(const v1::Project& project,
                                                             const std::vector<std::string>& names);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_FEATURE_LIST_H_
