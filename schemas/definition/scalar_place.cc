// A scalar's value and its file's text. From a byte of the value back to the text, PlaceInside: the
// value lost its quotes, escapes, indentation and line folds; its characters that are not white
// space all survive, in order, so they are counted on both sides.
#include <algorithm>
#include <string>
#include <string_view>

#include "schemas/definition/yaml_tree.h"

namespace forebay::definition {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

size_t CountInk(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !IsSpace(c); }));
}

// Past an anchor (&name) or tag (!name) and the space after it.
size_t SkipProperties(std::string_view text, size_t at) {
  while (at < text.size() && (text[at] == '&' || text[at] == '!')) {
    while (at < text.size() && !IsSpace(text[at])) ++at;
    while (at < text.size() && IsSpace(text[at])) ++at;
  }
  return at;
}

// One character of the file's text within a scalar: how many bytes it takes there, and how many
// bytes of the value that are not white space it gives.
struct Unit {
  size_t length = 1;
  size_t ink = 1;
};

size_t Utf8Length(unsigned long code) {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

Unit EscapeUnit(std::string_view text) {
  if (text.size() < 2) return {text.size(), 0};
  size_t digits = text[1] == 'x' ? 2 : text[1] == 'u' ? 4 : text[1] == 'U' ? 8 : 0;
  if (digits == 0) {
    if (std::string_view("tn r\n\t").find(text[1]) != std::string_view::npos) return {2, 0};
    if (text[1] == 'N' || text[1] == '_') return {2, 2};  // U+0085, U+00A0
    if (text[1] == 'L' || text[1] == 'P') return {2, 3};  // U+2028, U+2029
    return {2, 1};
  }
  unsigned long code = std::stoul("0" + std::string(text.substr(2, digits)), nullptr, 16);
  bool space = code < 0x80 && IsSpace(static_cast<char>(code));
  return {2 + digits, space ? 0 : Utf8Length(code)};
}

Unit UnitAt(std::string_view text, char quote) {
  if (quote == '"' && text[0] == '\\') return EscapeUnit(text);
  if (quote == '\'' && text.starts_with("''")) return {2, 1};
  return {1, IsSpace(text[0]) ? size_t{0} : size_t{1}};
}

// Where the scalar itself begins in its file's text.
size_t StartOf(const YamlNode& scalar) {
  return SkipProperties(scalar.file->text(), scalar.file->Offset(scalar.place));
}

// Its first character: a quote, the sign of a block, or ' ' for plain text.
char StyleAt(const YamlNode& scalar, size_t start) {
  const std::string& text = scalar.file->text();
  return scalar.plain || start >= text.size() ? ' ' : text[start];
}

}  // namespace

std::string WrittenInside(const YamlNode& scalar, std::string_view text) {
  char style = StyleAt(scalar, StartOf(scalar));
  std::string written;
  for (char c : text) {
    if (style == '\'' && c == '\'') written += '\'';
    if (style == '"' && (c == '"' || c == '\\')) written += '\\';
    written += c;
  }
  return written;
}

Place PlaceInside(const YamlNode& scalar, size_t offset) {
  std::string_view text = scalar.file->text();
  std::string_view value = scalar.text;
  offset = std::min(offset, value.size());
  size_t at = StartOf(scalar);
  char style = StyleAt(scalar, at);
  if (style == '|' || style == '>') {
    while (at < text.size() && text[at] != '\n') ++at;
  } else if (style == '\'' || style == '"') {
    ++at;
  }
  // To just after the last character with ink before `offset`...
  size_t wanted = CountInk(value.substr(0, offset));
  size_t ink = 0;
  while (at < text.size() && ink < wanted) {
    Unit unit = UnitAt(text.substr(at), style);
    ink += unit.ink;
    at += unit.length;
  }
  // ... then on to the character at `offset` itself, or over as much white space as the value has.
  if (offset < value.size() && !IsSpace(value[offset])) {
    while (at < text.size() && UnitAt(text.substr(at), style).ink == 0) {
      at += UnitAt(text.substr(at), style).length;
    }
  } else {
    for (size_t i = offset; i > 0 && IsSpace(value[i - 1]) && at < text.size() && text[at] != '\n';
         --i) {
      at += UnitAt(text.substr(at), style).length;
    }
  }
  return scalar.file->PlaceOf(at);
}

}  // namespace forebay::definition
