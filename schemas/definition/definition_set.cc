#include "schemas/definition/definition_set.h"

#include <map>
#include <set>

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

namespace {

// A view whose entity is not the key of its source is fed through a topic of its own.
bool IsRepartitioned(const DefinitionSet& set, const v1::FeatureView& view) {
  const SourceDefinition* source = set.FindSource(view.source());
  const EntityDefinition* entity = set.FindEntity(view.entity());
  if (source == nullptr || entity == nullptr) return false;
  std::set<std::string> source_key(source->source.key().begin(), source->source.key().end());
  std::set<std::string> entity_key;
  for (const v1::Field& key : entity->entity.keys()) entity_key.insert(key.name());
  return source_key != entity_key;
}

}  // namespace

void CheckTogether(const std::string& project, const DefinitionSet& set, Findings* findings) {
  if (project.empty()) return;
  std::map<std::string, std::string> written = {
      {DeadLetterTopic(project), "the project's own dead-letter topic"}};
  for (const ViewDefinition& definition : set.views) {
    const v1::FeatureView& view = definition.view;
    if (view.name().empty()) continue;
    written[UpdateTopic(project, view.name(), view.version())] =
        fmt::format("the update topic of feature view '{}'", view.name());
    if (!IsRepartitioned(set, view)) continue;
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
