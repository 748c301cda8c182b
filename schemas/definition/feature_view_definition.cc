#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "fmt/format.h"
#include "schemas/definition/about.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/definition/column_type.h"
#include "schemas/definition/default_value.h"
#include "schemas/definition/definition_set.h"
#include "schemas/definition/feature_alerts.h"
#include "schemas/definition/map_reader.h"
#include "schemas/definition/view_output.h"
#include "schemas/definition/window_definition.h"
#include "schemas/sql/sql.h"

namespace forebay::definition {
namespace {

constexpr int64_t kMostVersions = std::numeric_limits<int32_t>::max();

// One view while it is read. The source is null, or its schema broken, where SQL can't be checked.
struct ViewReader {
  ViewDefinition* definition;
  const SourceDefinition* source = nullptr;
  const EntityDefinition* entity = nullptr;
  Findings* findings;
  bool of_rows = false;                                   // kind: batch
  absl::flat_hash_map<std::string, uint32_t> aggregates;  // indexes of the view's, by meaning
  absl::flat_hash_set<std::string> names;                 // of its features

  v1::FeatureView& view() { return definition->view; }
  bool can_check_sql() const { return source != nullptr && source->schema_whole; }
};

template <typename Definition>
std::vector<std::string> DeclaredNames(const std::vector<Definition>& definitions,
                                       const std::string& (*name_of)(const Definition&)) {
  std::vector<std::string> names;
  for (const Definition& definition : definitions) {
    if (!name_of(definition).empty()) names.push_back(name_of(definition));
  }
  return names;
}

void ReadSourceName(const YamlNode* node, const DefinitionSet& set, ViewReader* reader) {
  std::optional<std::string> name = ReadText(node, "source", reader->findings);
  if (!name) return;
  reader->source = set.FindSource(*name);
  if (reader->source != nullptr) {
    reader->view().set_source(*name);
  } else if (set.whole) {
    auto names = DeclaredNames<SourceDefinition>(
        set.sources,
        [](const SourceDefinition& d) -> const std::string& { return d.source.name(); });
    reader->findings->Add(
        *node, fmt::format("unknown source '{}'{}", *name, AllowedNames(*name, names, "sources")));
  }
}

void ReadEntityName(const YamlNode* node, const DefinitionSet& set, ViewReader* reader) {
  std::optional<std::string> name = ReadText(node, "entity", reader->findings);
  if (!name) return;
  reader->entity = set.FindEntity(*name);
  if (reader->entity != nullptr) {
    reader->view().set_entity(*name);
  } else if (set.whole) {
    auto names = DeclaredNames<EntityDefinition>(
        set.entities,
        [](const EntityDefinition& d) -> const std::string& { return d.entity.name(); });
    reader->findings->Add(
        *node, fmt::format("unknown entity '{}'{}", *name, AllowedNames(*name, names, "entities")));
  }
}

// The entity's keys must be columns of the source, of the same types.
void CheckKeys(const YamlNode* node, const ViewReader& reader) {
  if (node == nullptr || reader.entity == nullptr || !reader.can_check_sql()) return;
  const v1::Source& source = reader.source->source;
  for (const v1::Field& key : reader.entity->entity.keys()) {
    const v1::Field* column = FindColumn(source.schema(), key.name());
    std::string says =
        fmt::format("entity '{}' has the key '{}'", reader.entity->entity.name(), key.name());
    if (column == nullptr) {
      reader.findings->Add(
          *node, fmt::format("{}, which source '{}' lacks{}", says, source.name(),
                             AllowedNames(key.name(), ColumnNames(source.schema()), "columns")));
    } else if (column->type() != key.type()) {
      reader.findings->Add(
          *node, fmt::format("{} of type {}, which is {} in source '{}'", says,
                             TypeName(key.type()), TypeName(column->type()), source.name()));
    }
  }
}

void AddSqlError(const YamlNode& node, const SqlError& error, Findings* findings) {
  std::string message = error.message;
  if (!error.write.empty()) {
    message += fmt::format(": write `{}`", WrittenInside(node, error.write));
  }
  findings->AddInside(node, static_cast<size_t>(error.position), std::move(message));
}

void ReadWhere(const YamlNode* node, ViewReader* reader) {
  std::optional<std::string> sql = ReadText(node, "where", reader->findings);
  if (!sql || !reader->can_check_sql()) return;
  auto result = ParseExpression(*sql, reader->source->source.schema());
  if (const auto* error = std::get_if<SqlError>(&result)) {
    AddSqlError(*node, *error, reader->findings);
    return;
  }
  auto& expression = std::get<v1::Expression>(result);
  if (expression.type() != v1::BOOL) {
    reader->findings->Add(*node, fmt::format("where must be a condition (bool), this is {}: "
                                             "compare it with something",
                                             TypeName(expression.type())));
    return;
  }
  *reader->view().mutable_where() = std::move(expression);
}

// The index of `aggregate` among the view's, whose equal ones are shared whatever their text.
uint32_t ShareAggregate(v1::Aggregate aggregate, ViewReader* reader) {
  std::string sql = aggregate.sql();
  aggregate.clear_sql();
  auto next = static_cast<uint32_t>(reader->view().aggregates_size());
  auto [shared, added] = reader->aggregates.try_emplace(aggregate.SerializeAsString(), next);
  if (added) {
    aggregate.set_sql(std::move(sql));
    *reader->view().add_aggregates() = std::move(aggregate);
  }
  return shared->second;
}

// The newest row's value of an expression (kind: batch).
std::optional<v1::Aggregate> ReadNewest(const YamlNode& node, const std::string& sql,
                                        const ViewReader& reader) {
  if (!reader.can_check_sql()) return std::nullopt;
  auto result = ParseExpression(sql, reader.source->source.schema());
  if (const auto* error = std::get_if<SqlError>(&result)) {
    AddSqlError(node, *error, reader.findings);
    return std::nullopt;
  }
  auto& expression = std::get<v1::Expression>(result);
  v1::Aggregate aggregate;
  aggregate.set_function("newest");
  aggregate.set_type(expression.type());
  aggregate.set_sql(sql);
  *aggregate.add_arguments() = std::move(expression);
  return aggregate;
}

std::optional<v1::Aggregate> ReadValue(const YamlNode* node, const ViewReader& reader) {
  std::optional<std::string> sql = ReadText(node, "value", reader.findings);
  if (!sql || !reader.can_check_sql()) return std::nullopt;
  auto result = ParseAggregate(*sql, reader.source->source.schema());
  if (const auto* error = std::get_if<SqlError>(&result)) {
    AddSqlError(*node, *error, reader.findings);
    return std::nullopt;
  }
  return std::get<v1::Aggregate>(std::move(result));
}

// Null, having reported it, for the name of another column of the view.
bool CheckColumnName(const YamlNode& node, const std::string& name, ViewReader* reader) {
  if (reader->names.contains(name)) {
    reader->findings->Add(node, fmt::format("feature '{}' is already declared in this view", name));
    return false;
  }
  if (reader->entity == nullptr) return true;
  for (const v1::Field& key : reader->entity->entity.keys()) {
    if (!absl::EqualsIgnoreCase(key.name(), name)) continue;
    reader->findings->Add(node, fmt::format("feature '{}' has the name of a key of entity '{}'",
                                            name, reader->entity->entity.name()));
    return false;
  }
  return true;
}

std::optional<std::string> ReadFeatureName(const YamlNode* node, Findings* findings) {
  if (node != nullptr && node->kind == YamlNode::Kind::kScalar) {
    if (node->text.starts_with("_")) {
      findings->Add(*node, fmt::format("'{}' cannot be the name of a feature: names that begin "
                                       "with _ are forebay's own columns",
                                       node->text));
      return std::nullopt;
    }
    if (node->text == "date") {
      findings->Add(*node,
                    "'date' cannot be the name of a feature: the offline table is "
                    "partitioned by a column of that name");
      return std::nullopt;
    }
  }
  return ReadName(node, "the name of a feature", findings);
}

std::string ReadDescription(const MapReader& map, Findings* findings) {
  return ReadText(map.Get("description"), "description", findings).value_or("");
}

// A feature of a view of kind batch: a column, or an expression with a name.
void ReadRowFeature(const YamlNode& node, ViewReader* reader) {
  Findings* findings = reader->findings;
  v1::Feature feature;
  std::optional<std::string> name;
  std::optional<v1::Aggregate> aggregate;
  if (node.kind == YamlNode::Kind::kScalar) {
    name = ReadFeatureName(&node, findings);
    if (name) aggregate = ReadNewest(node, *name, *reader);
  } else {
    MapReader map(node, "a feature", {"name", "value", "default", "description", "alerts"},
                  findings,
                  {{"windows",
                    "is not for views of kind batch: their features are those of the "
                    "key's newest row"}});
    if (map.is_map()) {
      name = ReadFeatureName(map.Require("name"), findings);
      const YamlNode* value = map.Get("value");
      std::optional<std::string> sql = value == nullptr ? name : ReadText(value, "value", findings);
      if (sql) aggregate = ReadNewest(value == nullptr ? node : *value, *sql, *reader);
      feature.set_description(ReadDescription(map, findings));
      ReadAlerts(map.Get("alerts"), &feature, findings);
    }
  }
  if (!name) reader->definition->whole = false;
  if (!name || !CheckColumnName(node, *name, reader)) return;
  reader->names.insert(*name);
  feature.set_name(*name);
  feature.mutable_window()->set_kind(v1::Window::LIFETIME);
  if (aggregate) {
    feature.set_type(aggregate->type());
    *feature.mutable_default_value() =
        ReadDefault(node, *aggregate, findings).value_or(v1::Literal());
    feature.set_aggregate(ShareAggregate(*std::move(aggregate), reader));
  }
  *reader->view().add_features() = std::move(feature);
}

void ReadFeature(const YamlNode& node, ViewReader* reader) {
  Findings* findings = reader->findings;
  MapReader map(node, "a feature", {"name", "value", "windows", "default", "description", "alerts"},
                findings,
                {{"by", "(a map of categories) is not supported yet"},
                 {"max_categories", "(for `by`) is not supported yet"}});
  std::optional<std::string> name;
  std::optional<v1::Aggregate> aggregate;
  const std::vector<YamlNode::Pointer>* windows = nullptr;
  if (map.is_map()) {
    name = ReadFeatureName(map.Require("name"), findings);
    aggregate = ReadValue(map.Require("value"), *reader);
    windows = ReadList(map.Require("windows"), "windows", findings);
  }
  if (!name || windows == nullptr) reader->definition->whole = false;
  v1::Feature feature;
  if (map.is_map()) {
    feature.set_description(ReadDescription(map, findings));
    ReadAlerts(map.Get("alerts"), &feature, findings);
  }
  if (aggregate) {
    feature.set_type(aggregate->type());
    *feature.mutable_default_value() =
        ReadDefault(map.node(), *aggregate, findings).value_or(v1::Literal());
    feature.set_aggregate(ShareAggregate(*std::move(aggregate), reader));
  }
  if (windows == nullptr) return;
  for (const YamlNode::Pointer& item : *windows) {
    std::optional<NamedWindow> window = ReadWindow(*item, findings);
    if (!window) reader->definition->whole = false;
    if (!window || !name) continue;
    std::string full = fmt::format("{}_{}", *name, window->suffix);
    if (!CheckColumnName(*item, full, reader)) continue;
    feature.set_name(full);
    *feature.mutable_window() = window->window;
    *reader->view().add_features() = feature;
    reader->names.insert(std::move(full));
  }
}

void ReadKind(const YamlNode* node, ViewReader* reader) {
  std::optional<std::string> kind = ReadText(node, "kind", reader->findings);
  if (!kind || *kind == "aggregate") return;
  if (*kind != "batch") {
    reader->findings->Add(*node, fmt::format("unknown kind '{}' of a feature view{}", *kind,
                                             AllowedNames(*kind, {"aggregate", "batch"}, "kinds")));
    return;
  }
  reader->of_rows = true;
  if (reader->source == nullptr || reader->source->source.has_batch()) return;
  reader->findings->Add(
      *node,
      fmt::format("a view of kind batch takes the rows of files: source '{}' has no `batch`; "
                  "over a topic, write value: last(column) with windows: [lifetime]",
                  reader->source->source.name()));
}

void ReadEnabled(const YamlNode* node, v1::FeatureView* view, Findings* findings) {
  if (node == nullptr) return;
  std::optional<std::string> text = ReadText(node, "enabled", findings);
  if (!text) return;
  if (*text != "true" && *text != "false") {
    findings->Add(*node, fmt::format("enabled is true or false, and not '{}'", *text));
  }
  view->set_disabled(*text == "false");
}

void CheckNewView(const YamlNode& node, const v1::FeatureView& view, const DefinitionSet& set,
                  Findings* findings) {
  for (const ViewDefinition& other : set.views) {
    if (view.name().empty() || other.view.name() != view.name() ||
        other.view.version() != view.version()) {
      continue;
    }
    findings->Add(node, fmt::format("version {} of feature view '{}' is already declared at {}",
                                    view.version(), view.name(), PlaceName(*other.node)));
  }
}

}  // namespace

void ReadFeatureView(const YamlNode& node, DefinitionSet* set, Findings* findings) {
  MapReader map(
      node, "a feature view",
      {"name", "version", "kind", "source", "entity", "where", "features", "max_age", "history",
       "updates", "emit", "enabled", "description", "owner", "tags", "deprecated"},
      findings);
  if (!map.is_map()) return;
  ViewDefinition definition;
  definition.node = &node;
  definition.whole = true;
  ViewReader reader{.definition = &definition, .findings = findings};
  v1::FeatureView& view = definition.view;
  view.set_name(ReadName(map.Require("name"), "the name of a feature view", findings).value_or(""));
  const YamlNode* version = map.Get("version");
  std::optional<int64_t> number = ReadInteger(version, "version", 1, kMostVersions, findings);
  view.set_version(static_cast<uint32_t>(number.value_or(version == nullptr ? 1 : 0)));
  ReadSourceName(map.Require("source"), *set, &reader);
  const YamlNode* entity = map.Require("entity");
  ReadEntityName(entity, *set, &reader);
  CheckKeys(entity, reader);
  ReadKind(map.Get("kind"), &reader);
  ReadWhere(map.Get("where"), &reader);
  const auto* features = ReadList(map.Require("features"), "features", findings);
  if (features == nullptr) definition.whole = false;
  for (size_t i = 0; features != nullptr && i < features->size(); ++i) {
    const YamlNode& feature = *(*features)[i];
    reader.of_rows ? ReadRowFeature(feature, &reader) : ReadFeature(feature, &reader);
  }
  view.set_max_age_us(ReadDuration(map.Get("max_age"), findings).value_or(0));
  ReadOutputs(map, &view, findings);
  ReadEnabled(map.Get("enabled"), &view, findings);
  ReadAboutOf(map, &view, findings);
  if (number || version == nullptr) CheckNewView(node, view, *set, findings);
  set->views.push_back(std::move(definition));
}

}  // namespace forebay::definition
