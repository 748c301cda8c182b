#include <optional>

#include "absl/strings/match.h"
#include "fmt/format.h"
#include "schemas/definition/about.h"
#include "schemas/definition/column_type.h"
#include "schemas/definition/definition_set.h"
#include "schemas/definition/map_reader.h"

namespace forebay::definition {
namespace {

// Key columns are columns of the offline table beside `date` and the `_` columns, in a format whose
// names don't differ by case alone.
bool CheckKeyName(const YamlNode& key, const google::protobuf::RepeatedPtrField<v1::Field>& earlier,
                  Findings* findings) {
  const std::string& name = key.text;
  if (name.starts_with("_")) {
    findings->Add(key, fmt::format("'{}' cannot be a key: names that begin with _ are forebay's "
                                   "own columns",
                                   name));
    return false;
  }
  if (absl::EqualsIgnoreCase(name, "date")) {
    findings->Add(key, fmt::format("'{}' cannot be a key: the offline table is partitioned by a "
                                   "column of that name",
                                   name));
    return false;
  }
  for (const v1::Field& other : earlier) {
    if (other.name() == name || !absl::EqualsIgnoreCase(other.name(), name)) continue;
    findings->Add(key, fmt::format("keys '{}' and '{}' differ in case only, which the offline "
                                   "table cannot tell apart",
                                   other.name(), name));
    return false;
  }
  return true;
}

bool CheckKeyType(const YamlNode& value, const v1::Field& field, Findings* findings) {
  if (field.type() != v1::DOUBLE && field.type() != v1::BYTES) return true;
  findings->Add(value, fmt::format("key '{}' cannot be {}: keys are string, int64, bool or "
                                   "timestamp",
                                   field.name(), TypeName(field.type())));
  return false;
}

bool ReadKeys(const YamlNode* node, v1::Entity* entity, Findings* findings) {
  google::protobuf::RepeatedPtrField<v1::Field> fields;
  bool whole = ReadColumns(node, "keys", &fields, findings);
  for (const v1::Field& field : fields) {
    for (const auto& [key, value] : node->entries) {
      if (key->text != field.name()) continue;
      bool good = CheckKeyName(*key, entity->keys(), findings);
      good = CheckKeyType(*value, field, findings) && good;
      whole = whole && good;
      *entity->add_keys() = field;
    }
  }
  return whole;
}

}  // namespace

void ReadEntity(const YamlNode& node, DefinitionSet* set, Findings* findings) {
  MapReader map(node, "an entity", {"name", "keys", "description", "owner", "tags", "deprecated"},
                findings);
  if (!map.is_map()) return;
  EntityDefinition definition;
  definition.node = &node;
  v1::Entity& entity = definition.entity;
  entity.set_name(ReadName(map.Require("name"), "the name of an entity", findings).value_or(""));
  definition.whole = ReadKeys(map.Require("keys"), &entity, findings);
  ReadAboutOf(map, &entity, findings);
  const EntityDefinition* other = entity.name().empty() ? nullptr : set->FindEntity(entity.name());
  if (other != nullptr) {
    findings->Add(node, fmt::format("entity '{}' is already declared at {}", entity.name(),
                                    PlaceName(*other->node)));
  }
  set->entities.push_back(std::move(definition));
}

}  // namespace forebay::definition
