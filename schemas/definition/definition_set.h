// What the files of features/ declare, as far as it could be read: the workbench of LoadProject.
// Each part keeps its place, and whether it is whole, so that one mistake is reported once: nothing
// that refers to a broken part is blamed for what the part may have said.
#ifndef FOREBAY_SCHEMAS_DEFINITION_DEFINITION_SET_H_
#define FOREBAY_SCHEMAS_DEFINITION_DEFINITION_SET_H_

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/feature_names.h"
#include "schemas/definition/yaml_tree.h"

namespace forebay::definition {

struct SourceDefinition {
  v1::Source source;  // no name if that could not be read
  const YamlNode* node = nullptr;
  bool schema_whole = false;  // every column is known
};

struct EntityDefinition {
  v1::Entity entity;
  const YamlNode* node = nullptr;
  bool whole = false;
};

struct ViewDefinition {
  v1::FeatureView view;
  const YamlNode* node = nullptr;
  bool whole = false;  // every feature's name is known
};

struct ServiceDefinition {
  v1::FeatureService service;
  const YamlNode* node = nullptr;
};

struct DefinitionSet {
  std::filesystem::path folder;  // of the project
  std::vector<SourceDefinition> sources;
  std::vector<EntityDefinition> entities;
  std::vector<ViewDefinition> views;
  std::vector<ServiceDefinition> services;
  std::optional<FeatureNames> view_names;  // of `views`, from the first service on
  // False if a file could not be parsed: an unknown name may be declared there.
  bool whole = true;

  const SourceDefinition* FindSource(std::string_view name) const;
  const EntityDefinition* FindEntity(std::string_view name) const;
};

// Each reads one item of its list and adds what could be read. Views need all sources and entities,
// services all views.
void ReadSource(const YamlNode& node, DefinitionSet* set, Findings* findings);
void ReadEntity(const YamlNode& node, DefinitionSet* set, Findings* findings);
void ReadFeatureView(const YamlNode& node, DefinitionSet* set, Findings* findings);
void ReadFeatureService(const YamlNode& node, DefinitionSet* set, Findings* findings);

// What no definition shows alone: topics that are read and written both, and names taken twice.
void CheckTogether(const std::string& project, const DefinitionSet& set, Findings* findings);

// "features/a.yaml:3": where another definition stands, for messages.
std::string PlaceName(const YamlNode& node);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_DEFINITION_SET_H_
