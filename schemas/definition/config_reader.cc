#include "schemas/definition/config_reader.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <vector>

#include "fmt/format.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/definition/config_table.h"
#include "schemas/definition/kafka_properties.h"
#include "schemas/types/nearest_name.h"

namespace forebay::definition {
namespace {

bool IsVariableName(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

// The scalar's text with ${NAME} replaced. What comes from the environment may be a secret: it
// never goes into a message.
std::optional<std::string> Substitute(const YamlNode& scalar, Findings* findings) {
  const std::string& text = scalar.text;
  std::string result;
  bool ok = true;
  size_t at = 0;
  while (at < text.size()) {
    if (text.compare(at, 3, "$${") == 0) {
      result += "${";
      at += 3;
      continue;
    }
    if (text.compare(at, 2, "${") != 0) {
      result += text[at++];
      continue;
    }
    size_t end = text.find('}', at);
    std::string name = end == std::string::npos ? "" : text.substr(at + 2, end - at - 2);
    const char* value = IsVariableName(name) ? std::getenv(name.c_str()) : nullptr;
    if (value != nullptr) {
      result += value;
    } else {
      ok = false;
      findings->AddInside(
          scalar, at,
          IsVariableName(name)
              ? fmt::format("the environment variable {} is not set: set it before the start", name)
              : "'${' begins the name of an environment variable, as in ${NAME}: write '$${' for "
                "the characters themselves");
    }
    at = end == std::string::npos ? text.size() : end + 1;
  }
  return ok ? std::optional<std::string>(result) : std::nullopt;
}

void ReportOwnedProperty(const YamlNode& key, const OwnedProperty& owned, Findings* findings) {
  findings->Add(key, fmt::format("'{}' cannot be set: {}", key.text, owned.reason));
}

bool MeansBrokers(const std::string& name) {
  return name == "brokers" || !NearestName(name, {"bootstrap.servers"}).empty();
}

void ReadProperty(const std::string& name, const YamlNode& node,
                  const std::filesystem::path& folder, ProjectConfig* config, Findings* findings) {
  std::optional<std::string> text = Substitute(node, findings);
  if (!text) return;
  if (name == "bootstrap.servers" && text->find('@') != std::string::npos) {
    // Brokers are named in messages and in the line of a worker that is ready.
    findings->Add(node,
                  "bootstrap.servers must be host:port, or several with commas between them, found "
                  "an '@': a name and a password belong into `sasl.username` and `sasl.password`");
    return;
  }
  if (IsKafkaFile(name, *text)) text = (folder / *text).lexically_normal().string();
  config->kafka[name] = *std::move(text);
}

void ReadKafka(const YamlNode& node, const std::filesystem::path& folder, ProjectConfig* config,
               Findings* findings) {
  if (node.kind != YamlNode::Kind::kMap) {
    findings->Add(node, fmt::format("kafka must be a map of librdkafka properties, found {}",
                                    KindName(node)));
    return;
  }
  for (const auto& [key, value] : node.entries) {
    const OwnedProperty* owned = FindOwnedKafkaProperty(key->text);
    if (owned != nullptr) {
      ReportOwnedProperty(*key, *owned, findings);
    } else if (key->text != "bootstrap.servers" && MeansBrokers(key->text)) {
      findings->Add(*key,
                    fmt::format("unknown property '{}' of Kafka: the addresses of the brokers "
                                "are `bootstrap.servers`",
                                key->text));
    } else if (value->kind != YamlNode::Kind::kScalar) {
      findings->Add(
          *value, fmt::format("{} must be a single value, found {}", key->text, KindName(*value)));
    } else {
      ReadProperty(key->text, *value, folder, config, findings);
    }
  }
}

void ReadEntry(const ConfigEntry& entry, const YamlNode& node, const std::filesystem::path& folder,
               ProjectConfig* config, Findings* findings) {
  if (std::holds_alternative<KafkaField>(entry.field))
    return ReadKafka(node, folder, config, findings);
  if (node.kind != YamlNode::Kind::kScalar) {
    findings->Add(node, fmt::format("{} must be {}, found {}", entry.name,
                                    DescribeType(entry.field), KindName(node)));
    return;
  }
  std::optional<std::string> text = Substitute(node, findings);
  if (!text) return;
  std::optional<std::string> expected;
  if (text->empty()) {
    expected = DescribeType(entry.field);
  } else {
    expected = SetFromText(entry.field, *text, folder, config);
  }
  if (!expected) return;
  findings->Add(node, fmt::format("{} must be {}, found '{}'{}", entry.name, *expected, node.text,
                                  *text == node.text ? "" : " (after substitution)"));
}

// Defaults first, so that what cannot be read keeps one.
void SetDefaults(const std::filesystem::path& folder, ProjectConfig* config) {
  for (const ConfigEntry& entry : ConfigEntries()) {
    if (!entry.fallback.empty()) {
      SetFromText(entry.field, std::string(entry.fallback), folder, config);
    }
  }
}

// The names allowed in one section ("" is the top level), sections among them.
std::vector<std::string> NamesIn(std::string_view section) {
  std::vector<std::string> names;
  for (const ConfigEntry& entry : ConfigEntries()) {
    size_t dot = entry.name.find('.');
    std::string_view owner = dot == std::string_view::npos ? "" : entry.name.substr(0, dot);
    std::string_view name = entry.name;
    if (owner == section && dot != std::string_view::npos) name = entry.name.substr(dot + 1);
    if (owner != section) name = owner;
    if (owner != section && !section.empty()) continue;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
  }
  return names;
}

const ConfigEntry* FindEntry(const std::string& name) {
  for (const ConfigEntry& entry : ConfigEntries()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

// Keys of the top level that belong into a section of theirs. False for all others.
bool ReportMisplacedKey(const YamlNode& key, Findings* findings) {
  size_t dot = key.text.find('.');
  std::string section = dot == std::string::npos ? "" : key.text.substr(0, dot);
  if (key.text != "bootstrap.servers" && MeansBrokers(key.text)) {
    findings->Add(key, fmt::format("unknown key '{}': the addresses of the brokers are "
                                   "`bootstrap.servers` in the section `kafka`",
                                   key.text));
  } else if (!section.empty() && (section == "kafka" || !NamesIn(section).empty())) {
    findings->Add(key, fmt::format("'{}' is `{}` in the section `{}`: move it there", key.text,
                                   key.text.substr(dot + 1), section));
  } else if (const OwnedProperty* owned = FindOwnedKafkaProperty(key.text)) {
    ReportOwnedProperty(key, *owned, findings);
  } else if (dot != std::string::npos) {
    findings->Add(key, fmt::format("'{}' is a property of Kafka: move it into the section `kafka`",
                                   key.text));
  } else {
    return false;
  }
  return true;
}

void ReportUnknownKey(const YamlNode& key, const std::string& section,
                      const std::vector<std::string>& names, Findings* findings) {
  static constexpr std::string_view kDefinitions[] = {"sources", "entities", "feature_views",
                                                      "feature_services"};
  if (section.empty() && std::find(std::begin(kDefinitions), std::end(kDefinitions), key.text) !=
                             std::end(kDefinitions)) {
    findings->Add(key, fmt::format("'{}' belongs into a file of the folder features/, such as "
                                   "features/{}.yaml",
                                   key.text, key.text));
    return;
  }
  if (section.empty() && ReportMisplacedKey(key, findings)) return;
  std::string where = section.empty() ? "forebay.yaml" : section;
  findings->Add(key, fmt::format("unknown key '{}' in {}{}", key.text, where,
                                 AllowedNames(key.text, names, "keys")));
}

void ReadSection(const YamlNode& map, const std::string& section,
                 const std::filesystem::path& folder, ProjectConfig* config, Findings* findings) {
  std::vector<std::string> names = NamesIn(section);
  for (const auto& [key, value] : map.entries) {
    std::string name = section.empty() ? key->text : section + "." + key->text;
    bool known = std::find(names.begin(), names.end(), key->text) != names.end();
    const ConfigEntry* entry = known ? FindEntry(name) : nullptr;
    if (!known) {
      ReportUnknownKey(*key, section, names, findings);
    } else if (value->kind == YamlNode::Kind::kNull) {
      findings->Add(*key, fmt::format("'{}' has no value: write one, or remove the key", name));
    } else if (entry != nullptr) {
      ReadEntry(*entry, *value, folder, config, findings);
    } else if (value->kind == YamlNode::Kind::kMap) {
      ReadSection(*value, name, folder, config, findings);
    } else {
      findings->Add(*value, fmt::format("{} must be a map of keys and values, found {}", name,
                                        KindName(*value)));
    }
  }
}

bool HasKey(const YamlNode& map, std::string_view name) {
  return std::any_of(map.entries.begin(), map.entries.end(),
                     [&](const auto& entry) { return entry.first->text == name; });
}

}  // namespace

ProjectConfig ReadConfig(const YamlNode& root, const std::filesystem::path& folder,
                         Findings* findings) {
  ProjectConfig config;
  SetDefaults(folder, &config);
  if (root.kind != YamlNode::Kind::kMap && root.kind != YamlNode::Kind::kNull) {
    findings->Add(root, fmt::format("forebay.yaml must be a map of keys and values, found {}",
                                    KindName(root)));
    return config;
  }
  ReadSection(root, "", folder, &config, findings);
  for (const ConfigEntry& entry : ConfigEntries()) {
    if (entry.required && !HasKey(root, entry.name)) {
      findings->Add(root.file->At({}, fmt::format("forebay.yaml lacks the key '{}'", entry.name)));
    }
  }
  if (!HasKey(root, "group")) config.group = "forebay-" + config.project;
  return config;
}

}  // namespace forebay::definition
