#include "schemas/definition/map_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "fmt/format.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/types/time.h"

namespace forebay::definition {
namespace {

constexpr size_t kLongestName = 64;

bool IsName(std::string_view text) {
  if (text.empty() || text[0] < 'a' || text[0] > 'z') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// YAML's other words for on and off, to which the nearest name by letters would be the wrong one.
std::string OnOrOff(const std::string& word) {
  if (word == "no" || word == "false") return ": did you mean 'off'? The choices are: on, off";
  if (word == "yes" || word == "true") return ": did you mean 'on'? The choices are: on, off";
  return AllowedNames(word, {"on", "off"}, "choices");
}

}  // namespace

MapReader::MapReader(const YamlNode& node, std::string_view what,
                     std::initializer_list<std::string_view> allowed, Findings* findings,
                     std::initializer_list<RefusedKey> refused)
    : node_(node), what_(what), findings_(findings) {
  if (!is_map()) {
    findings->Add(
        node, fmt::format("{} must be a map of keys and values, found {}", what_, KindName(node)));
    return;
  }
  std::vector<std::string> names(allowed.begin(), allowed.end());
  for (const auto& [key, value] : node.entries) {
    auto refusal = std::find_if(refused.begin(), refused.end(),
                                [&text = key->text](const RefusedKey& r) { return r.key == text; });
    if (refusal != refused.end()) {
      findings->Add(*key, fmt::format("'{}' {}", key->text, refusal->reason));
    } else if (std::find(names.begin(), names.end(), key->text) == names.end()) {
      findings->Add(*key, fmt::format("unknown key '{}' in {}{}", key->text, what_,
                                      AllowedNames(key->text, names, "keys")));
    }
  }
}

const YamlNode* MapReader::Get(std::string_view name) const {
  for (const auto& [key, value] : node_.entries) {
    if (key->text != name) continue;
    if (value->kind != YamlNode::Kind::kNull) return value.get();
    findings_->Add(*key, fmt::format("'{}' has no value: write one, or remove the key", name));
  }
  return nullptr;
}

const YamlNode* MapReader::Require(std::string_view name) const {
  bool present = std::any_of(node_.entries.begin(), node_.entries.end(),
                             [&](const auto& entry) { return entry.first->text == name; });
  if (present) return Get(name);
  if (is_map()) findings_->Add(node_, fmt::format("{} lacks the key '{}'", what_, name));
  return nullptr;
}

std::optional<std::string> ReadText(const YamlNode* node, std::string_view what,
                                    Findings* findings) {
  if (node == nullptr) return std::nullopt;
  if (node->kind == YamlNode::Kind::kScalar && !node->text.empty()) return node->text;
  std::string_view found =
      node->kind == YamlNode::Kind::kScalar ? std::string_view("empty text") : KindName(*node);
  findings->Add(*node, fmt::format("{} must be text, found {}", what, found));
  return std::nullopt;
}

std::optional<std::string> ReadName(const YamlNode* node, std::string_view what,
                                    Findings* findings) {
  std::optional<std::string> text = ReadText(node, what, findings);
  if (!text) return std::nullopt;
  if (IsName(*text) && text->size() <= kLongestName) return text;
  findings->Add(*node, fmt::format("'{}' cannot be {}: use at most {} lower-case letters, digits "
                                   "and _, beginning with a letter",
                                   *text, what, kLongestName));
  return std::nullopt;
}

std::optional<bool> ReadOnOrOff(const YamlNode* node, std::string_view what, Findings* findings) {
  std::optional<std::string> word = ReadText(node, what, findings);
  if (!word) return std::nullopt;
  if (*word == "on") return true;
  if (*word == "off") return false;
  findings->Add(*node, fmt::format("unknown {} '{}'{}", what, *word, OnOrOff(*word)));
  return std::nullopt;
}

std::optional<int64_t> ReadInteger(const YamlNode* node, std::string_view what, int64_t least,
                                   int64_t most, Findings* findings) {
  if (node == nullptr) return std::nullopt;
  std::optional<int64_t> number;
  if (node->kind == YamlNode::Kind::kScalar && node->plain) number = ParseInteger(node->text);
  if (number && *number >= least && *number <= most) return number;
  std::string found = node->kind == YamlNode::Kind::kScalar ? fmt::format("'{}'", node->text)
                                                            : std::string(KindName(*node));
  findings->Add(*node, fmt::format("{} must be a whole number from {} to {}, found {}", what, least,
                                   most, found));
  return std::nullopt;
}

std::optional<double> ReadNumber(const YamlNode* node, std::string_view what,
                                 const NumberRange& range, Findings* findings) {
  if (node == nullptr) return std::nullopt;
  std::optional<double> number;
  if (node->kind == YamlNode::Kind::kScalar && node->plain) number = ParseNumber(node->text);
  if (number && std::isfinite(*number) && *number <= range.most &&
      (range.above_least ? *number > range.least : *number >= range.least))
    return number;
  std::string found = node->kind == YamlNode::Kind::kScalar ? fmt::format("'{}'", node->text)
                                                            : std::string(KindName(*node));
  std::string bounds = range.above_least ? fmt::format("above {}", range.least)
                                         : fmt::format("of {} or more", range.least);
  if (std::isfinite(range.most)) {
    bounds = range.above_least ? fmt::format("above {} and at most {}", range.least, range.most)
                               : fmt::format("from {} to {}", range.least, range.most);
  }
  findings->Add(*node, fmt::format("{} must be a number {}, found {}", what, bounds, found));
  return std::nullopt;
}

std::optional<int64_t> ReadDuration(const YamlNode* node, Findings* findings) {
  if (node == nullptr) return std::nullopt;
  if (node->kind != YamlNode::Kind::kScalar) {
    findings->Add(*node, fmt::format("expected a duration such as 10m, found {}", KindName(*node)));
    return std::nullopt;
  }
  absl::StatusOr<int64_t> micros = ParseDuration(node->text);
  if (micros.ok()) return *micros;
  findings->Add(*node, std::string(micros.status().message()));
  return std::nullopt;
}

const std::vector<YamlNode::Pointer>* ReadList(const YamlNode* node, std::string_view what,
                                               Findings* findings, std::string_view expected) {
  if (node == nullptr) return nullptr;
  if (node->kind == YamlNode::Kind::kSequence && !node->items.empty()) return &node->items;
  std::string_view found =
      node->kind == YamlNode::Kind::kSequence ? std::string_view("an empty one") : KindName(*node);
  findings->Add(*node, fmt::format("{} must be {}, found {}", what, expected, found));
  return nullptr;
}

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> ParseNumber(std::string_view text) {
  bool negative = text.starts_with('-');
  std::string_view rest = negative ? text.substr(1) : text;
  if (rest == ".inf" || rest == ".Inf" || rest == ".INF") {
    return negative ? -std::numeric_limits<double>::infinity()
                    : std::numeric_limits<double>::infinity();
  }
  // from_chars also takes "inf" and "nan", which are words in YAML.
  if (rest.empty() || (rest[0] != '.' && (rest[0] < '0' || rest[0] > '9'))) return std::nullopt;
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace forebay::definition
