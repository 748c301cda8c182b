// Reads one YAML map whose keys are known beforehand, and scalars of a declared type. Everything
// that is wrong becomes a finding; readers return nullopt then, having said why.
//
//   MapReader map(node, "entity", {"name", "keys"}, findings);
//   std::optional<std::string> name = ReadName(map.Require("name"), "entity", findings);
//
// The functions take null for "the key is absent", about which they stay silent: Require has
// spoken.
#ifndef FOREBAY_SCHEMAS_DEFINITION_MAP_READER_H_
#define FOREBAY_SCHEMAS_DEFINITION_MAP_READER_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/definition/yaml_tree.h"

namespace forebay::definition {

// A key that is known but can't be used: why not.
struct RefusedKey {
  std::string_view key;
  std::string_view reason;
};

class MapReader {
 public:
  // `what` names the map in messages. Reports a node that is not a map, keys that are not
  // `allowed`, those `refused` with their reason, and keys without a value.
  MapReader(const YamlNode& node, std::string_view what,
            std::initializer_list<std::string_view> allowed, Findings* findings,
            std::initializer_list<RefusedKey> refused = {});

  bool is_map() const { return node_.kind == YamlNode::Kind::kMap; }
  const YamlNode& node() const { return node_; }

  // The value of `key`; null if absent or without a value.
  const YamlNode* Get(std::string_view key) const;
  // Also reports its absence.
  const YamlNode* Require(std::string_view key) const;

 private:
  const YamlNode& node_;
  std::string what_;
  Findings* findings_;
};

// A plain or quoted scalar as text; numbers count as the text they are written as.
std::optional<std::string> ReadText(const YamlNode* node, std::string_view what,
                                    Findings* findings);

// A name of ours: lower-case letters, digits and _, from a letter, at most 64.
std::optional<std::string> ReadName(const YamlNode* node, std::string_view what,
                                    Findings* findings);

// `on` is true, `off` false; nullopt also where it is neither.
std::optional<bool> ReadOnOrOff(const YamlNode* node, std::string_view what, Findings* findings);

// A whole number, not quoted.
std::optional<int64_t> ReadInteger(const YamlNode* node, std::string_view what, int64_t least,
                                   int64_t most, Findings* findings);

// What a number may be. Both bounds belong to it, but for `least` where it must be `above_least`.
struct NumberRange {
  double least;
  double most;  // may be infinite, which no number is
  bool above_least = false;
};

// A finite number, not quoted.
std::optional<double> ReadNumber(const YamlNode* node, std::string_view what,
                                 const NumberRange& range, Findings* findings);

// A duration such as 10m, in microseconds.
std::optional<int64_t> ReadDuration(const YamlNode* node, Findings* findings);

// The items of a list that may not be empty. Null if it is not that: `what` must be `expected`.
const std::vector<YamlNode::Pointer>* ReadList(const YamlNode* node, std::string_view what,
                                               Findings* findings,
                                               std::string_view expected = "a list");

// The whole of `text` as an integer or, for doubles, a number of YAML (1, -2.5, 1e3, .inf).
std::optional<int64_t> ParseInteger(std::string_view text);
std::optional<double> ParseNumber(std::string_view text);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_MAP_READER_H_
