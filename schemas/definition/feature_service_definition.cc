#include <algorithm>
#include <optional>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "fmt/format.h"
#include "schemas/definition/about.h"
#include "schemas/definition/definition_set.h"
#include "schemas/definition/feature_names.h"
#include "schemas/definition/map_reader.h"

namespace forebay::definition {
namespace {

struct ServiceReader {
  const DefinitionSet& set;
  const FeatureNames& names;
  v1::FeatureService* service;
  Findings* findings;
  absl::flat_hash_set<std::string> taken;  // the names of its features

  // Whether all versions of the view are known, so that what is missing is really missing.
  bool IsWhole(std::string_view view) const {
    return set.whole && std::none_of(set.views.begin(), set.views.end(), [&](const auto& other) {
             return other.view.name() == view && other.view.version() == 0;
           });
  }

  void Add(const YamlNode& node, const FeatureReference& asked, const NamedFeature& feature) {
    if (!taken.insert(feature.name).second) {
      findings->Add(node, fmt::format("'{}' is already in this service", feature.name));
      return;
    }
    const v1::FeatureView& view = set.views[static_cast<size_t>(feature.view)].view;
    v1::FeatureReference* reference = service->add_features();
    reference->set_view(view.name());
    reference->set_version(view.version());
    reference->set_feature(view.features(feature.feature).name());
    reference->set_name(feature.name);
    reference->set_of_all(asked.feature == "*");
    reference->set_pinned(asked.version != 0);
  }

  void AddReference(const YamlNode& node) {
    std::optional<std::string> text = ReadText(&node, "a feature of a service", findings);
    if (!text) return;
    absl::StatusOr<FeatureReference> reference = FeatureReference::Parse(*text);
    if (!reference.ok()) return findings->Add(node, std::string(reference.status().message()));
    if (!IsWhole(reference->view)) return;
    absl::StatusOr<int> view = names.FindView(*reference);
    if (!view.ok()) return findings->Add(node, std::string(view.status().message()));
    absl::StatusOr<std::vector<NamedFeature>> found = names.FindIn(*view, *reference);
    if (found.ok()) {
      for (const NamedFeature& feature : *found) Add(node, *reference, feature);
    } else if (set.views[static_cast<size_t>(*view)].whole) {
      findings->AddInside(node, reference->view_as_asked.size() + 1,
                          std::string(found.status().message()));
    }
  }
};

std::vector<const v1::FeatureView*> ViewsOf(const DefinitionSet& set) {
  std::vector<const v1::FeatureView*> views;
  for (const ViewDefinition& definition : set.views) views.push_back(&definition.view);
  return views;
}

void ReadLog(const YamlNode* node, v1::FeatureService* service, Findings* findings) {
  if (node == nullptr) return;
  MapReader map(*node, "log", {"sample"}, findings);
  if (!map.is_map()) return;
  std::optional<double> sample = ReadNumber(map.Require("sample"), "sample",
                                            {.least = 0, .most = 1, .above_least = true}, findings);
  if (sample) service->mutable_log()->set_sample(*sample);
}

void CheckNewService(const YamlNode& node, const std::string& name, const DefinitionSet& set,
                     Findings* findings) {
  if (name.empty()) return;
  for (const ServiceDefinition& other : set.services) {
    if (other.service.name() != name) continue;
    findings->Add(node, fmt::format("feature service '{}' is already declared at {}", name,
                                    PlaceName(*other.node)));
  }
  for (const ViewDefinition& view : set.views) {
    if (view.view.name() != name) continue;
    findings->Add(node, fmt::format("feature service '{}' has the name of the feature view at {}: "
                                    "a lookup could not tell them apart",
                                    name, PlaceName(*view.node)));
    return;
  }
}

}  // namespace

void ReadFeatureService(const YamlNode& node, DefinitionSet* set, Findings* findings) {
  MapReader map(node, "a feature service",
                {"name", "features", "log", "description", "owner", "tags", "deprecated"},
                findings);
  if (!map.is_map()) return;
  ServiceDefinition definition;
  definition.node = &node;
  std::optional<std::string> name =
      ReadName(map.Require("name"), "the name of a feature service", findings);
  definition.service.set_name(name.value_or(""));
  CheckNewService(node, definition.service.name(), *set, findings);
  ReadAboutOf(map, &definition.service, findings);
  ReadLog(map.Get("log"), &definition.service, findings);
  const auto* features = ReadList(map.Require("features"), "features", findings);
  if (!set->view_names) set->view_names.emplace(ViewsOf(*set));
  ServiceReader reader{*set, *set->view_names, &definition.service, findings, {}};
  for (size_t i = 0; features != nullptr && i < features->size(); ++i) {
    reader.AddReference(*(*features)[i]);
  }
  set->services.push_back(std::move(definition));
}

}  // namespace forebay::definition
