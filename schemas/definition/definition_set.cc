#include "schemas/definition/definition_set.h"

#include <map>

#include "fmt/format.h"
#include "schemas/types/topics.h"

namespace forebay::definition {

const SourceDefinition* DefinitionSet::FindSource(std::string_view name) const {
  for (const SourceDefinition& definition : sources) {
    if (definition.source.name() == name) return &definition;
  }
  return nullptr;
}

const EntityDefinition* DefinitionSet::FindEntity(std::string_view name) const {
  for (const EntityDefinition& definition : entities) {
    if (definition.entity.name() == name) return &definition;
  }
  return nullptr;
}

const ViewDefinition* DefinitionSet::FindView(std::string_view name) const {
  const ViewDefinition* highest = nullptr;
  for (const ViewDefinition& definition : views) {
    if (definition.view.name() != name) continue;
    if (highest == nullptr || definition.view.version() > highest->view.version()) {
      highest = &definition;
    }
  }
  return highest;
}

void CheckTogether(const std::string& project, const DefinitionSet& set, Findings* findings) {
  if (project.empty()) return;
  std::map<std::string, std::string> written = {
      {DeadLetterTopic(project), "the project's own dead-letter topic"}};
  for (const ViewDefinition& definition : set.views) {
    const v1::FeatureView& view = definition.view;
    if (view.name().empty()) continue;
    written[UpdateTopic(project, view.name(), view.version())] =
        fmt::format("the update topic of feature view '{}'", view.name());
    written[RepartitionTopic(project, view.source(), view.entity())] =
        fmt::format("the repartition topic of source '{}'", view.source());
  }
  for (const SourceDefinition& definition : set.sources) {
    auto found = written.find(definition.source.topic());
    if (found == written.end()) continue;
    findings->Add(*definition.node,
                  fmt::format("source '{}' reads topic '{}', which is {}: forebay would read what "
                              "it writes",
                              definition.source.name(), found->first, found->second));
  }
}

std::string PlaceName(const YamlNode& node) {
  Diagnostic diagnostic = node.file->At(node.place, "");
  return fmt::format("{}:{}", diagnostic.file, diagnostic.line);
}

}  // namespace forebay::definition
