#include "offline/training_set/feature_list.h"

#include <fmt/format.h>

#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

class Resolver {
 public:
  explicit Resolver(const v1::Project& project) : project_(project) {}

  absl::Status Add(const std::string& name) {
    size_t dot = name.find('.');
    if (dot == std::string::npos) return AddService(name);
    return AddView(name.substr(0, dot), name.substr(dot + 1));
  }

  std::vector<ResolvedFeature> Take() { return std::move(resolved_); }

 private:
  absl::Status AddService(const std::string& name) {
    std::vector<std::string> known;
    for (const v1::FeatureService& service : project_.feature_services()) {
      known.push_back(service.name());
      if (service.name() != name) continue;
      for (const v1::FeatureReference& reference : service.features()) {
        RETURN_IF_ERROR(AddView(reference.view(), reference.feature()));
      }
      return absl::OkStatus();
    }
    for (const v1::FeatureView& view : project_.feature_views())
      known.push_back(view.name() + ".*");
    return absl::InvalidArgumentError(
        fmt::format("unknown feature service '{}'{} (a feature is written view.feature)", name,
                    definition::AllowedNames(name, known, "feature services and views")));
  }

  absl::Status AddView(const std::string& view_name, const std::string& feature_name) {
    std::vector<std::string> known;
    for (int v = 0; v < project_.feature_views_size(); ++v) {
      const v1::FeatureView& view = project_.feature_views(v);
      known.push_back(view.name());
      if (view.name() == view_name) return AddFeature(v, feature_name);
    }
    return absl::InvalidArgumentError(
        fmt::format("unknown feature view '{}' in '{}.{}'{}", view_name, view_name, feature_name,
                    definition::AllowedNames(view_name, known, "feature views")));
  }

  absl::Status AddFeature(int v, const std::string& name) {
    const v1::FeatureView& view = project_.feature_views(v);
    std::vector<std::string> known;
    bool found = false;
    for (int f = 0; f < view.features_size(); ++f) {
      const std::string& feature = view.features(f).name();
      known.push_back(feature);
      if (name != "*" && name != feature) continue;
      found = true;
      if (!seen_.insert({v, f}).second) continue;
      resolved_.push_back(
          {.view = v, .feature = f, .name = fmt::format("{}.{}", view.name(), feature)});
    }
    if (found) return absl::OkStatus();
    return absl::InvalidArgumentError(
        fmt::format("feature view '{}' has no feature '{}'{}", view.name(), name,
                    definition::AllowedNames(name, known, "features of " + view.name())));
  }

  const v1::Project& project_;
  absl::flat_hash_set<std::pair<int, int>> seen_;
  std::vector<ResolvedFeature> resolved_;
};

}  // namespace

absl::StatusOr<std::vector<ResolvedFeature>> ResolveFeatures(
    const v1::Project& project, const std::vector<std::string>& names) {
  Resolver resolver(project);
  for (const std::string& name : names) RETURN_IF_ERROR(resolver.Add(name));
  std::vector<ResolvedFeature> resolved = resolver.Take();
  if (resolved.empty()) {
    return absl::InvalidArgumentError(
        "no features asked for: give view.feature, view.* or the name of a feature service");
  }
  return resolved;
}

}  // namespace forebay
