#include "schemas/definition/cut_value.h"

#include "absl/strings/str_replace.h"
#include "fmt/format.h"

namespace forebay::definition {
namespace {

std::string Quoted(std::string_view value) {
  if (value.find_first_of("\"\\") == std::string_view::npos) return fmt::format("\"{}\"", value);
  return fmt::format("'{}'", absl::StrReplaceAll({value.data(), value.size()}, {{"'", "''"}}));
}

}  // namespace

std::optional<CutValue> FindCutValue(std::string_view text, size_t start) {
  std::optional<size_t> comma;
  int depth = 0;
  char quote = 0;
  size_t at = start;
  for (; at < text.size() && text[at] != '\n'; ++at) {
    char c = text[at];
    bool inside = depth > 0 || quote != 0;
    if (!inside && (c == ',' || c == '}' || c == ']' || c == ')')) break;
    if (c == ',' && !comma) comma = at;
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '(' || c == ')') {
      depth += c == '(' ? 1 : -1;
    }
  }
  if (!comma || depth > 0 || quote != 0) return std::nullopt;
  while (text[at - 1] == ' ' || text[at - 1] == '\r') --at;
  return CutValue{start, at, *comma};
}

std::optional<CutValue> FindCutValueAround(std::string_view text, size_t at) {
  size_t line = text.rfind('\n', at == 0 ? 0 : at - 1);
  for (size_t colon = text.find(": ", line == std::string_view::npos ? 0 : line); colon < at;
       colon = text.find(": ", colon + 1)) {
    size_t start = text.find_first_not_of(' ', colon + 1);
    if (start >= at) break;
    if (std::string_view("'\"[{|>").find(text[start]) != std::string_view::npos) continue;
    std::optional<CutValue> cut = FindCutValue(text, start);
    if (cut && at <= cut->end) return cut;
  }
  return std::nullopt;
}

std::string CutValueMessage(std::string_view text, const CutValue& cut) {
  return fmt::format("the comma ends the value, which has no quotes around it: write `{}`",
                     Quoted(text.substr(cut.start, cut.end - cut.start)));
}

}  // namespace forebay::definition
