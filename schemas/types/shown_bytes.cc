#include "schemas/types/shown_bytes.h"

#include "fmt/format.h"
#include "schemas/types/utf8.h"

namespace forebay {
namespace {

void AppendEscaped(char byte, std::string* text) {
  switch (byte) {
    case '\n':
      *text += "\\n";
      return;
    case '\r':
      *text += "\\r";
      return;
    case '\t':
      *text += "\\t";
      return;
    case '\\':
    case '\'':
      *text += '\\';
      *text += byte;
      return;
    default:
      *text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
}

bool IsShownAsItIs(char byte) {
  return byte >= 0x20 && byte < 0x7F && byte != '\\' && byte != '\'';
}

}  // namespace

std::string ShownBytes(std::string_view bytes, size_t most) {
  std::string_view shown = bytes.substr(0, most);
  std::string text;
  for (size_t at = 0; at < shown.size();) {
    size_t length =
        IsShownAsItIs(shown[at]) ? 1 : Utf8SequenceLength(shown.data() + at, shown.size() - at);
    text += shown.substr(at, length);
    if (length == 0) AppendEscaped(shown[at], &text);
    at += length > 0 ? length : 1;
  }
  return fmt::format("'{}{}'", text, shown.size() < bytes.size() ? "..." : "");
}

}  // namespace forebay
