#include "schemas/definition/feature_names.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

using definition::AllowedNames;

std::vector<const v1::FeatureView*> ViewsOf(const v1::Project& project) {
  const auto& views = project.feature_views();
  return {views.pointer_begin(), views.pointer_end()};
}

std::vector<std::string> FeaturesOf(const v1::FeatureView& view) {
  std::vector<std::string> names;
  for (const v1::Feature& feature : view.features()) names.push_back(feature.name());
  return names;
}

// A whole number from 1 to the most that a definition may declare; 0 for all else.
uint32_t ParseVersion(std::string_view text) {
  int32_t version = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size() || version < 0) return 0;
  return static_cast<uint32_t>(version);
}

}  // namespace

absl::StatusOr<FeatureReference> FeatureReference::Parse(std::string_view text) {
  size_t dot = text.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == text.size()) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is not a feature of a view: write view.feature, view@version.feature, or "
                    "view.* for all of them",
                    text));
  }
  ASSIGN_OR_RETURN(FeatureReference reference, ParseView(text.substr(0, dot)));
  reference.feature = text.substr(dot + 1);
  return reference;
}

absl::StatusOr<FeatureReference> FeatureReference::ParseView(std::string_view text) {
  size_t at = text.find('@');
  FeatureReference reference{.view = text.substr(0, at), .view_as_asked = text};
  if (at == std::string_view::npos) return reference;
  reference.version = ParseVersion(text.substr(at + 1));
  if (reference.version > 0) return reference;
  return absl::InvalidArgumentError(
      fmt::format("'{}' names no version of a view: write a whole number after the '@', as in {}@1",
                  text, reference.view));
}

FeatureNames::FeatureNames(const v1::Project& project) : FeatureNames(ViewsOf(project)) {}

FeatureNames::FeatureNames(std::vector<const v1::FeatureView*> views) : views_(std::move(views)) {
  features_.resize(views_.size());
  for (size_t i = 0; i < views_.size(); ++i) {
    for (int feature = 0; feature < views_[i]->features_size(); ++feature) {
      features_[i].try_emplace(views_[i]->features(feature).name(), feature);
    }
    if (views_[i]->name().empty()) continue;
    std::vector<int>& versions = versions_[views_[i]->name()];
    if (versions.empty()) names_.push_back(views_[i]->name());
    versions.push_back(static_cast<int>(i));
  }
  for (auto& [name, versions] : versions_) {
    std::stable_sort(versions.begin(), versions.end(),
                     [&](int a, int b) { return views_[a]->version() < views_[b]->version(); });
  }
}

absl::StatusOr<std::vector<NamedFeature>> FeatureNames::Find(std::string_view text) const {
  ASSIGN_OR_RETURN(FeatureReference reference, FeatureReference::Parse(text));
  ASSIGN_OR_RETURN(int view, FindView(reference));
  return FindIn(view, reference);
}

absl::StatusOr<std::vector<NamedFeature>> FeatureNames::Find(
    const v1::FeatureService& service) const {
  std::vector<NamedFeature> found;
  for (const v1::FeatureReference& asked : service.features()) {
    absl::StatusOr<int> view = FindView({.view = asked.view(), .version = asked.version()});
    int feature = view.ok() ? IndexOf(*view, asked.feature()) : -1;
    if (feature < 0) {
      return absl::InternalError(fmt::format("feature service '{}' has {}, which the project lacks",
                                             service.name(), asked.ShortDebugString()));
    }
    found.push_back({.view = *view, .feature = feature, .name = asked.name()});
  }
  return found;
}

absl::StatusOr<int> FeatureNames::FindView(std::string_view text) const {
  ASSIGN_OR_RETURN(FeatureReference reference, FeatureReference::ParseView(text));
  return FindView(reference);
}

absl::StatusOr<int> FeatureNames::FindView(const FeatureReference& reference) const {
  auto named = versions_.find(reference.view);
  if (named == versions_.end()) {
    return absl::NotFoundError(fmt::format("unknown feature view '{}'{}", reference.view,
                                           AllowedNames(reference.view, names_, "feature views")));
  }
  if (reference.version == 0) return named->second.back();
  std::vector<std::string> known;
  for (int view : named->second) {
    if (views_[view]->version() == reference.version) return view;
    known.push_back(fmt::format("{}", views_[view]->version()));
  }
  return absl::NotFoundError(
      fmt::format("feature view '{}' has no version {}: the versions are: {}", reference.view,
                  reference.version, definition::JoinNames(known)));
}

absl::StatusOr<std::vector<NamedFeature>> FeatureNames::FindIn(
    int view, const FeatureReference& reference) const {
  std::vector<NamedFeature> found;
  auto add = [&](int feature) {
    found.push_back({.view = view,
                     .feature = feature,
                     .name = fmt::format("{}.{}", reference.view_as_asked,
                                         views_[view]->features(feature).name())});
  };
  if (reference.feature == "*") {
    for (int i = 0; i < views_[view]->features_size(); ++i) add(i);
    return found;
  }
  int feature = IndexOf(view, reference.feature);
  if (feature < 0) return absl::NotFoundError(NoFeature(view, reference.feature));
  add(feature);
  return found;
}

int FeatureNames::IndexOf(int view, std::string_view feature) const {
  auto found = features_[static_cast<size_t>(view)].find(feature);
  return found == features_[static_cast<size_t>(view)].end() ? -1 : found->second;
}

std::string FeatureNames::NoFeature(int view, std::string_view feature) const {
  const v1::FeatureView& asked = *views_[view];
  std::string says = fmt::format("feature view '{}' (version {}) has no feature '{}'", asked.name(),
                                 asked.version(), feature);
  const std::vector<int>& versions = versions_.at(asked.name());
  auto other = std::find_if(versions.rbegin(), versions.rend(),
                            [&](int i) { return IndexOf(i, feature) >= 0; });
  if (other == versions.rend()) {
    return says + AllowedNames(feature, FeaturesOf(asked), "features");
  }
  uint32_t version = views_[*other]->version();
  return fmt::format("{}, but version {} has it: write {}@{}.{}", says, version, asked.name(),
                     version, feature);
}

absl::StatusOr<std::vector<NamedFeature>> ResolveAnyName(const v1::Project& project,
                                                         std::string_view name) {
  FeatureNames names(project);
  if (const v1::FeatureService* service = FindService(project, name)) return names.Find(*service);
  std::string text(name);
  if (name.find('.') == std::string_view::npos) {
    ASSIGN_OR_RETURN(FeatureReference view, FeatureReference::ParseView(name));
    std::vector<std::string> known = names.views();
    if (std::find(known.begin(), known.end(), view.view) == known.end()) {
      for (const v1::FeatureService& service : project.feature_services()) {
        known.push_back(service.name());
      }
      return absl::InvalidArgumentError(
          fmt::format("unknown feature view or service '{}'{} (a feature is written view.feature)",
                      name, AllowedNames(name, known, "feature views and services")));
    }
    text += ".*";
  }
  absl::StatusOr<std::vector<NamedFeature>> found = names.Find(text);
  if (absl::IsNotFound(found.status())) {
    return absl::InvalidArgumentError(found.status().message());
  }
  return found;
}

absl::StatusOr<const v1::FeatureService*> ResolveService(const v1::Project& project,
                                                         std::string_view name) {
  if (const v1::FeatureService* service = FindService(project, name)) return service;
  std::vector<std::string> names;
  for (const v1::FeatureService& service : project.feature_services()) {
    names.push_back(service.name());
  }
  return absl::NotFoundError(fmt::format("unknown feature service '{}'{}", name,
                                         AllowedNames(name, names, "feature services")));
}

}  // namespace forebay
