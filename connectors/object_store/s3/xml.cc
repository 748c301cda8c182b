#include "connectors/object_store/s3/xml.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

#include "absl/status/status.h"

namespace forebay {
namespace {

constexpr size_t kDeepest = 32;

void AppendUtf8(uint32_t code, std::string* text) {
  if (code < 0x80) {
    *text += static_cast<char>(code);
    return;
  }
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static constexpr std::array<uint32_t, 4> kLead = {0, 0xC0, 0xE0, 0xF0};
  *text += static_cast<char>(kLead[more] | (code >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) *text += static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F));
}

// The text of "amp", "#10", "#xA"; what is unknown is left out.
void AppendEntity(std::string_view name, std::string* text) {
  static constexpr std::array<std::pair<std::string_view, char>, 5> kNamed = {
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};
  for (const auto& [known, character] : kNamed) {
    if (name == known) *text += character;
  }
  if (!name.starts_with('#')) return;
  name.remove_prefix(1);
  const int base = name.starts_with('x') ? 16 : 10;
  if (base == 16) name.remove_prefix(1);
  uint32_t code = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), code, base);
  bool is_number = error == std::errc() && end == name.data() + name.size();
  if (is_number && code <= 0x10FFFF) AppendUtf8(code, text);
}

void AppendText(std::string_view raw, std::string* text) {
  while (!raw.empty()) {
    size_t ampersand = raw.find('&');
    text->append(raw.substr(0, ampersand));
    if (ampersand == std::string_view::npos) return;
    raw.remove_prefix(ampersand + 1);
    size_t end = raw.find(';');
    if (end == std::string_view::npos) return;
    AppendEntity(raw.substr(0, end), text);
    raw.remove_prefix(end + 1);
  }
}

// "Key" of "Key", "s3:Key", "Key a='b'" and "Key/".
std::string NameOf(std::string_view tag) {
  tag = tag.substr(0, tag.find_first_of(" \t\r\n/"));
  size_t colon = tag.find(':');
  return std::string(colon == std::string_view::npos ? tag : tag.substr(colon + 1));
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  absl::StatusOr<XmlNode> Parse() {
    XmlNode document;
    std::vector<XmlNode*> open = {&document};
    while (!rest_.empty()) {
      size_t less = rest_.find('<');
      AppendText(rest_.substr(0, less), &open.back()->text);
      if (less == std::string_view::npos) break;
      rest_.remove_prefix(less);
      if (SkipAside()) continue;
      size_t greater = rest_.find('>');
      if (greater == std::string_view::npos) return Wrong();
      std::string_view tag = rest_.substr(1, greater - 1);
      rest_.remove_prefix(greater + 1);
      if (!Apply(tag, &open)) return Wrong();
    }
    if (open.size() != 1 || document.children.size() != 1) return Wrong();
    return std::move(document.children.front());
  }

 private:
  static absl::Status Wrong() { return absl::InvalidArgumentError("this is no XML document"); }

  // Steps over "<?...?>" and "<!...>"; false: there is none here.
  bool SkipAside() {
    std::string_view end = rest_.starts_with("<?")     ? "?>"
                           : rest_.starts_with("<!--") ? "-->"
                           : rest_.starts_with("<!")   ? ">"
                                                       : "";
    if (end.empty()) return false;
    size_t at = rest_.find(end);
    rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at + end.size());
    return true;
  }

  static bool Apply(std::string_view tag, std::vector<XmlNode*>* open) {
    if (tag.starts_with('/')) {
      if (open->size() == 1 || open->back()->name != NameOf(tag.substr(1))) return false;
      open->pop_back();
      return true;
    }
    // Only the last child grows, so pointers to those that are open stay good.
    XmlNode& node = open->back()->children.emplace_back();
    node.name = NameOf(tag);
    if (node.name.empty() || open->size() > kDeepest) return false;
    if (!tag.ends_with('/')) open->push_back(&node);
    return true;
  }

  std::string_view rest_;
};

}  // namespace

std::string XmlNode::TextOf(std::string_view child) const {
  for (const XmlNode& node : children) {
    if (node.name == child) return node.text;
  }
  return "";
}

const XmlNode* XmlNode::Find(std::string_view wanted) const {
  if (name == wanted) return this;
  for (const XmlNode& node : children) {
    if (const XmlNode* found = node.Find(wanted)) return found;
  }
  return nullptr;
}

absl::StatusOr<XmlNode> ParseXml(std::string_view text) { return Parser(text).Parse(); }

}  // namespace forebay
