#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/match.h"
#include "fmt/format.h"
#include "schemas/definition/about.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/definition/batch_source.h"
#include "schemas/definition/column_type.h"
#include "schemas/definition/definition_set.h"
#include "schemas/definition/map_reader.h"
#include "schemas/definition/protobuf_source.h"
#include "schemas/types/time.h"

namespace forebay::definition {
namespace {

constexpr int64_t kDefaultMaxFuture = 5 * 60 * kMicrosPerSecond;

// Kafka's own rule.
bool IsTopicName(std::string_view text) {
  if (text.empty() || text.size() > 249 || text == "." || text == "..") return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

void ReadTopic(const YamlNode* node, v1::Source* source, Findings* findings) {
  std::optional<std::string> topic = ReadText(node, "topic", findings);
  if (!topic) return;
  if (!IsTopicName(*topic)) {
    findings->Add(*node, fmt::format("'{}' cannot be a Kafka topic: use at most 249 letters, "
                                     "digits, '.', '_' and '-'",
                                     *topic));
    return;
  }
  source->set_topic(*topic);
}

void ReadFormat(const YamlNode* node, v1::Source* source, Findings* findings) {
  source->set_format(v1::Source::JSON);
  std::optional<std::string> format = ReadText(node, "format", findings);
  if (!format || *format == "json") return;
  if (*format == "protobuf") {
    source->set_format(v1::Source::PROTOBUF);
    return;
  }
  source->clear_format();
  for (std::string_view later : {"avro", "debezium-json"}) {
    if (*format != later) continue;
    findings->Add(*node,
                  fmt::format("format {} is not supported yet: use json or protobuf", later));
    return;
  }
  findings->Add(*node, fmt::format("unknown format '{}'{}", *format,
                                   AllowedNames(*format, {"json", "protobuf"}, "formats")));
}

// Reports a column that the source lacks. Returns null then, and where the schema is broken.
const v1::Field* RequireColumn(const YamlNode& node, const std::string& name,
                               const SourceDefinition& definition, Findings* findings) {
  const v1::Field* column = FindColumn(definition.source.schema(), name);
  if (column == nullptr && definition.schema_whole) {
    findings->Add(node, fmt::format("unknown column '{}'{}", name,
                                    AllowedNames(name, ColumnNames(definition.source.schema()),
                                                 "columns of the schema")));
  }
  return column;
}

bool RequireTimestamp(const YamlNode& node, std::string_view what, const v1::Field& column,
                      Findings* findings) {
  if (column.type() == v1::TIMESTAMP) return true;
  findings->Add(node, fmt::format("{} must be a timestamp column: '{}' is {}; declare it as "
                                  "timestamp_s, timestamp_ms, timestamp_us, timestamp_ns "
                                  "(integers) or timestamp (RFC 3339 text)",
                                  what, column.name(), TypeName(column.type())));
  return false;
}

void ReadEventTime(const YamlNode* node, SourceDefinition* definition, Findings* findings) {
  std::optional<std::string> name = ReadText(node, "event_time", findings);
  if (!name) return;
  const v1::Field* column = RequireColumn(*node, *name, *definition, findings);
  if (column == nullptr || !RequireTimestamp(*node, "event_time", *column, findings)) return;
  definition->source.set_event_time(*name);
}

void ReadKnownTime(const YamlNode* node, SourceDefinition* definition, Findings* findings) {
  v1::Source& source = definition->source;
  source.set_known_time(v1::Source::KAFKA);
  std::optional<std::string> word = ReadText(node, "known_time", findings);
  if (!word) return;
  const v1::Field* column = FindColumn(source.schema(), *word);
  bool is_event_time = column != nullptr && *word == source.event_time();
  bool is_word = *word == "kafka" || *word == "event_time";
  if (is_word && column != nullptr && !is_event_time) {
    findings->Add(*node, fmt::format("'{}' is both a word of known_time and a column here: leave "
                                     "known_time out for Kafka's time, name the event time's "
                                     "column for that, or rename this column",
                                     *word));
  } else if (*word == "kafka") {
    return;
  } else if (*word == "event_time" || is_event_time) {
    source.set_known_time(v1::Source::EVENT_TIME);
  } else if (column == nullptr) {
    std::vector<std::string> allowed = {"kafka", "event_time"};
    for (const std::string& name : ColumnNames(source.schema())) allowed.push_back(name);
    if (!definition->schema_whole) return;
    findings->Add(*node, fmt::format("unknown known_time '{}'{}", *word,
                                     AllowedNames(*word, allowed, "choices")));
  } else if (RequireTimestamp(*node, "known_time", *column, findings)) {
    source.set_known_time(v1::Source::COLUMN);
    source.set_known_time_column(*word);
  }
}

// `none`: by nothing that forebay knows.
bool IsNone(const YamlNode* node) {
  return node != nullptr && node->kind == YamlNode::Kind::kScalar && node->text == "none";
}

void ReadKey(const YamlNode* node, SourceDefinition* definition, Findings* findings) {
  if (IsNone(node)) return;
  const auto* items = ReadList(node, "key", findings, "a list of columns, or none");
  if (items == nullptr) return;
  for (const YamlNode::Pointer& item : *items) {
    std::optional<std::string> name = ReadText(item.get(), "a column of the key", findings);
    if (!name || RequireColumn(*item, *name, *definition, findings) == nullptr) continue;
    const auto& key = definition->source.key();
    if (std::find(key.begin(), key.end(), *name) != key.end()) {
      findings->Add(*item, fmt::format("column '{}' is in the key twice", *name));
      continue;
    }
    definition->source.add_key(*name);
  }
}

// Why the archive's table cannot have a column of that name; empty: it can.
std::string WhyNoArchivedColumn(const YamlNode::Pointer& column, const YamlNode& schema) {
  const std::string& name = column->text;
  if (name.starts_with("_")) return "names that begin with _ are forebay's own columns";
  if (absl::EqualsIgnoreCase(name, "date"))
    return "the archive's table is partitioned by a column of that name";
  for (const auto& [other, type] : schema.entries) {
    if (other == column) break;
    if (other->text != name && absl::EqualsIgnoreCase(other->text, name))
      return fmt::format("it differs from '{}' in case only, which tables cannot tell apart",
                         other->text);
  }
  return "";
}

void ReadArchive(const YamlNode* node, const YamlNode* schema, v1::Source* source,
                 Findings* findings) {
  source->set_archive(ReadOnOrOff(node, "archive", findings).value_or(false));
  if (!source->archive() || schema == nullptr || schema->kind != YamlNode::Kind::kMap) return;
  for (const auto& [column, type] : schema->entries) {
    std::string why = WhyNoArchivedColumn(column, *schema);
    if (why.empty()) continue;
    findings->Add(*column, fmt::format("column '{}' cannot be archived: {}; leave it out of the "
                                       "schema, or say 'archive: off'",
                                       column->text, why));
  }
}

void CheckNewSource(const YamlNode& node, const v1::Source& source, const DefinitionSet& set,
                    Findings* findings) {
  for (const SourceDefinition& other : set.sources) {
    if (!source.name().empty() && other.source.name() == source.name()) {
      findings->Add(node, fmt::format("source '{}' is already declared at {}", source.name(),
                                      PlaceName(*other.node)));
    } else if (!source.topic().empty() && other.source.topic() == source.topic()) {
      findings->Add(node, fmt::format("two sources of one topic are not supported yet: topic '{}' "
                                      "is read by source '{}' at {}",
                                      source.topic(), other.source.name(), PlaceName(*other.node)));
    }
  }
}

}  // namespace

void ReadSource(const YamlNode& node, DefinitionSet* set, Findings* findings) {
  MapReader map(
      node, "a source",
      {"name", "topic", "format", "proto", "message", "key", "schema", "event_time", "known_time",
       "max_future", "archive", "batch", "description", "owner", "tags", "deprecated"},
      findings);
  if (!map.is_map()) return;
  SourceDefinition definition;
  definition.node = &node;
  v1::Source& source = definition.source;
  source.set_name(ReadName(map.Require("name"), "the name of a source", findings).value_or(""));
  const YamlNode* batch = map.Get("batch");
  ReadTopic(batch == nullptr ? map.Require("topic") : map.Get("topic"), &source, findings);
  ReadFormat(map.Get("format"), &source, findings);
  definition.schema_whole =
      ReadColumns(map.Require("schema"), "schema", source.mutable_schema(), findings);
  ReadProtobuf(map, set->folder, &source, findings);
  ReadKey(map.Require("key"), &definition, findings);
  ReadEventTime(map.Require("event_time"), &definition, findings);
  const YamlNode* known_time = map.Get("known_time");
  ReadKnownTime(known_time, &definition, findings);
  if (batch != nullptr) ReadBatchSource(*batch, known_time, set->folder, &source, findings);
  source.set_max_future_us(
      ReadDuration(map.Get("max_future"), findings).value_or(kDefaultMaxFuture));
  ReadArchive(map.Get("archive"), map.Get("schema"), &source, findings);
  ReadAboutOf(map, &source, findings);
  CheckNewSource(node, source, *set, findings);
  set->sources.push_back(std::move(definition));
}

}  // namespace forebay::definition
