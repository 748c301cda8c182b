// A YAML file as a tree whose every node knows its place, made from yaml-cpp's events. Unlike
// yaml-cpp's own nodes it keeps what a checker needs: keys in order, whether a scalar was quoted,
// exact places inside scalars, and errors for duplicate keys.
#ifndef FOREBAY_SCHEMAS_DEFINITION_YAML_TREE_H_
#define FOREBAY_SCHEMAS_DEFINITION_YAML_TREE_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/definition/diagnostic.h"

namespace forebay::definition {

// A place in a text: both from 0, `column` in bytes.
struct Place {
  int line = 0;
  int column = 0;
};

// The text of one file. Immutable.
class YamlFile {
 public:
  YamlFile(std::string name, std::string text);

  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }

  // Byte offset of a place, no further than the end of its line; and back.
  size_t Offset(Place place) const;
  Place PlaceOf(size_t offset) const;

  // A diagnostic at `place`, its column counted in characters.
  Diagnostic At(Place place, std::string message) const;

 private:
  std::string name_;
  std::string text_;
  std::vector<size_t> line_starts_;
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };
  using Pointer = std::shared_ptr<const YamlNode>;

  Kind kind = Kind::kNull;
  const YamlFile* file = nullptr;
  Place place;         // of the node's first byte, its anchor or tag included
  std::string text;    // kScalar: the value, unescaped and unfolded
  bool plain = false;  // kScalar: not quoted, not a block: `5` may be a number, `'5'` is not
  std::vector<Pointer> items;                        // kSequence
  std::vector<std::pair<Pointer, Pointer>> entries;  // kMap: scalar keys, unique, in order
};

// "a list", "text", "nothing": the kind of a node, for messages.
std::string_view KindName(const YamlNode& node);

// What the checks have found so far. Not thread-safe.
class Findings {
 public:
  // At the start of the node.
  void Add(const YamlNode& node, std::string message);
  // At byte `offset` of a scalar's text.
  void AddInside(const YamlNode& scalar, size_t offset, std::string message);
  void Add(Diagnostic diagnostic) { diagnostics_.push_back(std::move(diagnostic)); }

  size_t size() const { return diagnostics_.size(); }
  const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }

 private:
  std::vector<Diagnostic> diagnostics_;
};

// The root of the file's one document; kNull for an empty file. Returns null where the text is not
// YAML (or not UTF-8, or goes on after the first document): the reason is added to `findings`.
// Nodes point to `file`, which must outlive them. Anchors and aliases are resolved; duplicate keys
// and tags are findings.
YamlNode::Pointer ParseYaml(const YamlFile& file, Findings* findings);

// Where byte `offset` of a scalar's text stands in its file: exact for what is written on one line,
// and for every character that is not white space otherwise. Offsets past the end give the end.
Place PlaceInside(const YamlNode& scalar, size_t offset);

// `text` as it must be written inside the scalar: its own quotes doubled or escaped.
std::string WrittenInside(const YamlNode& scalar, std::string_view text);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_YAML_TREE_H_
