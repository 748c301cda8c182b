#include "schemas/definition/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "fmt/format.h"
#include "schemas/definition/cut_value.h"

namespace forebay::definition {
namespace {

// Length of the valid UTF-8 prefix.
size_t ValidUtf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    auto byte = static_cast<unsigned char>(text[at]);
    size_t length = byte < 0x80       ? 1
                    : byte >> 5 == 6  ? 2
                    : byte >> 4 == 14 ? 3
                    : byte >> 3 == 30 ? 4
                                      : 0;
    if (length == 0 || byte == 0 || at + length > text.size()) return at;
    for (size_t i = 1; i < length; ++i) {
      if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return at;
    }
    at += length;
  }
  return at;
}

// Builds the tree. The stack holds the collections that are open.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const YamlFile& file, Findings* findings) : file_(file), findings_(findings) {}

  YamlNode::Pointer root() const { return root_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Finish(NewNode(YamlNode::Kind::kNull, mark), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found != anchors_.end()) return Put(found->second);
    auto node = NewNode(YamlNode::Kind::kNull, mark);
    findings_->Add(*node, "this alias stands inside the value it refers to: write the value out");
    Put(node);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = NewNode(YamlNode::Kind::kScalar, mark);
    node->text = value;
    node->plain = tag == "?";
    CheckTag(*node, tag);
    if (value.find('\0') != std::string::npos) findings_->Add(*node, "text may not hold a NUL");
    Finish(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kSequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct OpenCollection {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor;
    YamlNode::Pointer key;  // of a map, while its value is awaited
  };

  std::shared_ptr<YamlNode> NewNode(YamlNode::Kind kind, const YAML::Mark& mark) {
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->file = &file_;
    node->place = {std::max(mark.line, 0), std::max(mark.column, 0)};
    return node;
  }

  void CheckTag(const YamlNode& node, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    findings_->Add(node, fmt::format("YAML tags mean nothing here: remove '{}'", tag));
  }

  void Open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    auto node = NewNode(kind, mark);
    CheckTag(*node, tag);
    open_.push_back({std::move(node), anchor, nullptr});
  }

  void Close() {
    OpenCollection closed = std::move(open_.back());
    open_.pop_back();
    Finish(std::move(closed.node), closed.anchor);
  }

  void Finish(std::shared_ptr<YamlNode> node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    Put(std::move(node));
  }

  // Puts a finished node where it belongs: into the innermost open collection.
  void Put(YamlNode::Pointer node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    OpenCollection& parent = open_.back();
    if (parent.node->kind == YamlNode::Kind::kSequence) {
      parent.node->items.push_back(AtItsDash(std::move(node)));
    } else if (parent.key == nullptr) {
      parent.key = std::move(node);
    } else {
      AddEntry(parent.node.get(), std::move(parent.key), std::move(node));
      parent.key = nullptr;
    }
  }

  // yaml-cpp puts a missing item at the token after it, often lines below.
  YamlNode::Pointer AtItsDash(YamlNode::Pointer item) {
    if (item->kind != YamlNode::Kind::kNull) return item;
    const std::string& text = file_.text();
    size_t at = file_.Offset(item->place);
    while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\n' || text[at - 1] == '\r')) --at;
    if (at == 0 || text[at - 1] != '-') return item;
    auto moved = std::make_shared<YamlNode>(*item);
    moved->place = file_.PlaceOf(at - 1);
    return moved;
  }

  void AddEntry(YamlNode* map, YamlNode::Pointer key, YamlNode::Pointer value) {
    if (key->kind != YamlNode::Kind::kScalar) {
      findings_->Add(*key, fmt::format("a key must be a word, found {}", KindName(*key)));
      return;
    }
    if (value->kind == YamlNode::Kind::kNull && BelongsToCutValue(map, *key)) return;
    for (const auto& [other, unused] : map->entries) {
      if (other->text != key->text) continue;
      findings_->Add(*key, fmt::format("key '{}' is already given in line {}", key->text,
                                       other->place.line + 1));
      return;
    }
    // yaml-cpp puts a missing value at the token after it, often lines below.
    if (value->kind == YamlNode::Kind::kNull && value->place.line != key->place.line) {
      auto moved = std::make_shared<YamlNode>(*value);
      moved->place = key->place;
      value = std::move(moved);
    }
    map->entries.emplace_back(std::move(key), std::move(value));
  }

  // Whether what looks like a key without a value is the rest of the value before it, which a comma
  // cut. Says so, and gives that value all of its text.
  bool BelongsToCutValue(YamlNode* map, const YamlNode& key) {
    if (map->entries.empty() || !map->entries.back().second->plain) return false;
    YamlNode::Pointer& last = map->entries.back().second;
    std::optional<CutValue> cut = FindCutValue(file_.text(), file_.Offset(last->place));
    if (!cut || file_.Offset(key.place) >= cut->end) return false;
    std::string whole = file_.text().substr(cut->start, cut->end - cut->start);
    if (last->text == whole) return true;
    findings_->Add(file_.At(file_.PlaceOf(cut->comma), CutValueMessage(file_.text(), *cut)));
    auto mended = std::make_shared<YamlNode>(*last);
    mended->text = std::move(whole);
    last = std::move(mended);
    return true;
  }

  const YamlFile& file_;
  Findings* findings_;
  std::vector<OpenCollection> open_;
  std::map<YAML::anchor_t, YamlNode::Pointer> anchors_;
  YamlNode::Pointer root_;
};

Diagnostic NotYaml(const YamlFile& file, const YAML::Exception& error) {
  Place place{std::max(error.mark.line, 0), std::max(error.mark.column, 0)};
  std::optional<CutValue> cut;
  if (error.msg == YAML::ErrorMsg::END_OF_MAP_FLOW) {
    cut = FindCutValueAround(file.text(), file.Offset(place));
  }
  if (cut) return file.At(file.PlaceOf(cut->comma), CutValueMessage(file.text(), *cut));
  return file.At(place, fmt::format("not valid YAML: {}", error.msg));
}

}  // namespace

YamlFile::YamlFile(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)) {
  if (text_.starts_with("\xEF\xBB\xBF")) text_.erase(0, 3);  // a byte order mark
  line_starts_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
  }
}

size_t YamlFile::Offset(Place place) const {
  if (place.line < 0 || static_cast<size_t>(place.line) >= line_starts_.size()) return text_.size();
  size_t line = static_cast<size_t>(place.line);
  size_t end = line + 1 < line_starts_.size() ? line_starts_[line + 1] - 1 : text_.size();
  return std::min(line_starts_[line] + static_cast<size_t>(std::max(place.column, 0)), end);
}

Place YamlFile::PlaceOf(size_t offset) const {
  offset = std::min(offset, text_.size());
  auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  size_t line = static_cast<size_t>(after - line_starts_.begin()) - 1;
  return {static_cast<int>(line), static_cast<int>(offset - line_starts_[line])};
}

Diagnostic YamlFile::At(Place place, std::string message) const {
  size_t offset = Offset(place);
  Place cut = PlaceOf(offset);
  int characters = 0;
  for (size_t i = offset - static_cast<size_t>(cut.column); i < offset; ++i) {
    if ((static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80) ++characters;
  }
  return {name_, cut.line + 1, characters + 1, std::move(message)};
}

std::string_view KindName(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a single value";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "nothing";
}

void Findings::Add(const YamlNode& node, std::string message) {
  Add(node.file->At(node.place, std::move(message)));
}

void Findings::AddInside(const YamlNode& scalar, size_t offset, std::string message) {
  Add(scalar.file->At(PlaceInside(scalar, offset), std::move(message)));
}

YamlNode::Pointer ParseYaml(const YamlFile& file, Findings* findings) {
  size_t valid = ValidUtf8(file.text());
  if (valid < file.text().size()) {
    findings->Add(
        file.At(file.PlaceOf(valid), "this byte is not UTF-8 text: save the file as UTF-8"));
    return nullptr;
  }
  TreeBuilder builder(file, findings);
  std::istringstream stream(file.text());
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      auto empty = std::make_shared<YamlNode>();
      empty->file = &file;
      return empty;
    }
    YamlNode::Pointer root = builder.root();
    TreeBuilder second(file, findings);
    if (parser.HandleNextDocument(second)) {
      Place place = second.root() ? second.root()->place : Place{};
      findings->Add(
          file.At(place, "a second YAML document starts here: put it in a file of its own"));
      return nullptr;
    }
    return root;
  } catch (const YAML::Exception& error) {
    findings->Add(NotYaml(file, error));
  } catch (const std::exception& error) {
    findings->Add(file.At({}, fmt::format("not valid YAML: {}", error.what())));
  }
  return nullptr;
}

}  // namespace forebay::definition
