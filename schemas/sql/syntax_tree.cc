#include "schemas/sql/syntax_tree.h"

#include <charconv>
#include <string>

#include "fmt/format.h"
#include "nlohmann/json.hpp"

extern "C" {
#include "pg_query.h"
}

namespace forebay::sql {
namespace {

using nlohmann::json;

constexpr std::string_view kPrefix = "SELECT ";
constexpr size_t kMaxLength =
    16 * 1024;  // the parser's own recursion stays far from the stack's end

// Byte length of the UTF-8 sequence at the start of `text`; 0 if there is no valid one.
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;
  if (lead == 0xED && byte(1) > 0x9F) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

std::optional<SqlError> CheckText(std::string_view sql) {
  if (sql.size() > kMaxLength) {
    return SqlError{fmt::format("the expression is too long: {} bytes, at most {} are allowed",
                                sql.size(), kMaxLength)};
  }
  if (sql.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return SqlError{"the expression is empty"};
  }
  for (size_t i = 0; i < sql.size();) {
    const size_t length = SequenceLength(sql.substr(i));
    if (length == 0) {
      return SqlError{fmt::format("byte 0x{:02X} is not valid here: the text must be UTF-8",
                                  static_cast<uint8_t>(sql[i])),
                      static_cast<int>(i)};
    }
    i += length;
  }
  return std::nullopt;
}

// The byte offset of the `character`-th character (from 0) of valid UTF-8.
size_t ByteOffset(std::string_view text, int character) {
  size_t i = 0;
  for (; character > 0 && i < text.size(); --character) {
    const size_t length = SequenceLength(text.substr(i));
    i += length == 0 ? 1 : length;
  }
  return i;
}

SqlError SyntaxError(const PgQueryError& error, const std::string& text) {
  const size_t byte = ByteOffset(text, error.cursorpos > 0 ? error.cursorpos - 1 : 0);
  const size_t last = text.size() - kPrefix.size();
  size_t position = byte < kPrefix.size() ? 0 : byte - kPrefix.size();
  return SqlError{fmt::format("{}", error.message),
                  static_cast<int>(position < last ? position : last)};
}

// Moves every "location" from the parsed text to the user's.
void ShiftLocations(json& node) {
  if (!node.is_structured()) return;
  for (auto it = node.begin(); it != node.end(); ++it) {
    if (node.is_object() && it.key() == "location" && it->is_number_integer()) {
      *it = it->get<int>() < 0 ? -1 : it->get<int>() - static_cast<int>(kPrefix.size());
    } else {
      ShiftLocations(*it);
    }
  }
}

SqlResult<json> OneExpression(json& tree) {
  json& statements = tree["stmts"];
  if (statements.size() != 1) {
    const json& second = statements.size() > 1 ? statements[1] : statements;
    const int start = second.is_object() ? second.value("stmt_location", 0) : 0;
    return SqlError{"expected one expression, found several statements: remove the ';'",
                    std::max(0, start - static_cast<int>(kPrefix.size()) - 1)};
  }
  json& select = statements[0]["stmt"]["SelectStmt"];
  for (const auto& [key, value] : select.items()) {
    if (key == "targetList" || key == "limitOption" || (key == "op" && value == "SETOP_NONE"))
      continue;
    if (key == "groupDistinct") continue;
    const int position = std::max(0, LocationOf(value));
    if (key == "whereClause") {
      return SqlError{"expected one expression, not a query; for the condition of an aggregate",
                      position, "filter (where ...)"};
    }
    return SqlError{fmt::format("expected one expression, not a query ({})", key), position};
  }
  json& targets = select["targetList"];
  if (targets.empty()) return SqlError{"the expression is empty"};
  if (targets.size() > 1) {
    return SqlError{"expected one expression, found several separated by commas",
                    LocationOf(targets[1])};
  }
  json& target = targets[0]["ResTarget"];
  if (target.contains("name")) {
    const auto name = target["name"].get<std::string>();
    const bool joins = name == "and" || name == "or";  // the parser takes a last one for a name
    return SqlError{
        joins ? fmt::format("'{}' at the end lacks the condition after it", name)
              : fmt::format("expected one expression, found the name '{}' after it", name),
        LocationOf(target)};
  }
  return std::move(target["val"]);
}

}  // namespace

SqlResult<json> ParseTree(std::string_view sql) {
  if (std::optional<SqlError> error = CheckText(sql)) return *std::move(error);
  const std::string text = fmt::format("{}{}", kPrefix, sql);
  const PgQueryParseResult parsed = pg_query_parse(text.c_str());
  if (parsed.error != nullptr) {
    SqlError error = SyntaxError(*parsed.error, text);
    pg_query_free_parse_result(parsed);
    return error;
  }
  json tree = json::parse(parsed.parse_tree, nullptr, /*allow_exceptions=*/false);
  pg_query_free_parse_result(parsed);
  if (tree.is_discarded()) return SqlError{"a string in it is not valid UTF-8"};
  ShiftLocations(tree);
  return OneExpression(tree);
}

int LocationOf(const json& node) {
  if (node.is_object()) {
    const auto own = node.find("location");
    if (own != node.end() && own->is_number_integer() && own->get<int>() >= 0)
      return own->get<int>();
  }
  if (!node.is_structured()) return 0;
  for (const json& child : node) {
    if (const int location = LocationOf(child); location > 0) return location;
  }
  return 0;
}

std::optional<int64_t> IntegerAt(std::string_view sql, int position) {
  bool negative = false;
  size_t i = static_cast<size_t>(position);
  while (i < sql.size() && (sql[i] < '0' || sql[i] > '9')) {
    if (sql.substr(i, 2) == "--") {
      i = sql.find('\n', i);
      if (i == std::string_view::npos) return std::nullopt;
    } else if (sql.substr(i, 2) == "/*") {
      int depth = 0;  // comments nest in SQL
      do {
        if (i >= sql.size()) return std::nullopt;
        const std::string_view two = sql.substr(i, 2);
        depth += two == "/*" ? 1 : two == "*/" ? -1 : 0;
        i += two == "/*" || two == "*/" ? 2 : 1;
      } while (depth > 0);
    } else {
      if (sql[i] == '-') negative = !negative;
      ++i;
    }
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(sql.data() + i, sql.data() + sql.size(), value);
  if (error != std::errc()) return std::nullopt;
  return negative ? -value : value;
}

}  // namespace forebay::sql
