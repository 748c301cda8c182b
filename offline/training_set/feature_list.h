// Names of features as a person gives them, resolved against a project.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_FEATURE_LIST_H_
#define FOREBAY_OFFLINE_TRAINING_SET_FEATURE_LIST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "schemas/definition/feature_names.h"
#include "schemas/types/view_id.h"

namespace forebay {

// `names`: as ResolveAnyName takes them; a feature asked for twice is kept once. INVALID_ARGUMENT
// for unknown names, with the nearest, and for an empty list.
absl::StatusOr<std::vector<NamedFeature>> ResolveFeatures(const v1::Project& project,
                                                          const std::vector<std::string>& names);

// The views of these features, each once, in order. Errors as ResolveFeatures.
absl::StatusOr<std::vector<ViewId>> ViewsOf(const v1::Project& project,
                                            const std::vector<std::string>& features);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_FEATURE_LIST_H_
