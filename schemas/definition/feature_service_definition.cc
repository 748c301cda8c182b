#include <algorithm>
#include <optional>

#include "fmt/format.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/definition/definition_set.h"
#include "schemas/definition/map_reader.h"

namespace forebay::definition {
namespace {

struct ServiceReader {
  const DefinitionSet& set;
  v1::FeatureService* service;
  Findings* findings;

  std::vector<std::string> ViewNames() const {
    std::vector<std::string> names;
    for (const ViewDefinition& other : set.views) {
      const std::string& name = other.view.name();
      bool known = name.empty() || std::find(names.begin(), names.end(), name) != names.end();
      if (!known) names.push_back(name);
    }
    return names;
  }

  void Add(const YamlNode& node, const std::string& view, const std::string& feature) {
    for (const v1::FeatureReference& other : service->features()) {
      if (other.view() != view || other.feature() != feature) continue;
      findings->Add(node, fmt::format("'{}.{}' is already in this service", view, feature));
      return;
    }
    v1::FeatureReference* reference = service->add_features();
    reference->set_view(view);
    reference->set_feature(feature);
  }

  void AddFeature(const YamlNode& node, const ViewDefinition& view, const std::string& feature) {
    std::vector<std::string> names;
    for (const v1::Feature& other : view.view.features()) names.push_back(other.name());
    if (std::find(names.begin(), names.end(), feature) != names.end()) {
      Add(node, view.view.name(), feature);
    } else if (view.whole) {
      findings->AddInside(
          node, view.view.name().size() + 1,
          fmt::format("feature view '{}' (version {}) has no feature '{}'{}", view.view.name(),
                      view.view.version(), feature, AllowedNames(feature, names, "features")));
    }
  }

  void AddReference(const YamlNode& node) {
    std::optional<std::string> text = ReadText(&node, "a feature of a service", findings);
    if (!text) return;
    size_t dot = text->find('.');
    if (dot == std::string::npos || dot == 0 || dot + 1 == text->size()) {
      findings->Add(node, fmt::format("'{}' is not a feature of a view: write view.feature, or "
                                      "view.* for all of them",
                                      *text));
      return;
    }
    std::string name = text->substr(0, dot);
    std::string feature = text->substr(dot + 1);
    const ViewDefinition* view = set.FindView(name);
    if (view == nullptr) {
      if (!set.whole) return;
      findings->Add(node, fmt::format("unknown feature view '{}'{}", name,
                                      AllowedNames(name, ViewNames(), "feature views")));
    } else if (feature == "*") {
      for (const v1::Feature& each : view->view.features()) Add(node, name, each.name());
    } else {
      AddFeature(node, *view, feature);
    }
  }
};

void CheckNewService(const YamlNode& node, const std::string& name, const DefinitionSet& set,
                     Findings* findings) {
  if (name.empty()) return;
  for (const ServiceDefinition& other : set.services) {
    if (other.service.name() != name) continue;
    findings->Add(node, fmt::format("feature service '{}' is already declared at {}", name,
                                    PlaceName(*other.node)));
  }
  const ViewDefinition* view = set.FindView(name);
  if (view == nullptr) return;
  findings->Add(node, fmt::format("feature service '{}' has the name of the feature view at {}: a "
                                  "lookup could not tell them apart",
                                  name, PlaceName(*view->node)));
}

}  // namespace

void ReadFeatureService(const YamlNode& node, DefinitionSet* set, Findings* findings) {
  MapReader map(node, "a feature service", {"name", "features"}, findings);
  if (!map.is_map()) return;
  ServiceDefinition definition;
  definition.node = &node;
  std::optional<std::string> name =
      ReadName(map.Require("name"), "the name of a feature service", findings);
  definition.service.set_name(name.value_or(""));
  CheckNewService(node, definition.service.name(), *set, findings);
  const auto* features = ReadList(map.Require("features"), "features", findings);
  ServiceReader reader{*set, &definition.service, findings};
  for (size_t i = 0; features != nullptr && i < features->size(); ++i) {
    reader.AddReference(*(*features)[i]);
  }
  set->services.push_back(std::move(definition));
}

}  // namespace forebay::definition
