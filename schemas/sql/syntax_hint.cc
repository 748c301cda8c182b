#include "schemas/sql/syntax_hint.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "nlohmann/json.hpp"
#include "schemas/sql/syntax_tree.h"

namespace forebay::sql {
namespace {

constexpr size_t kMostRepairs = 100;  // each is parsed

// A word or a run of operator characters, outside quotes and comments.
struct Token {
  size_t position;
  std::string_view text;
};

bool IsWordCharacter(char c) { return absl::ascii_isalnum(c) || c == '_' || (c & 0x80) != 0; }

bool IsOperatorCharacter(char c) {
  return std::string_view("+-*/<>=~!@#%^&|`?").find(c) != std::string_view::npos;
}

// Just after the quoted text, or the comment, that starts at `at`; `at` itself if none does.
size_t SkipQuoted(std::string_view sql, size_t at) {
  std::string_view end;
  if (std::string_view("'\"`").find(sql[at]) != std::string_view::npos) end = sql.substr(at, 1);
  if (sql.substr(at, 2) == "--") end = "\n";
  if (sql.substr(at, 2) == "/*") end = "*/";
  if (end.empty()) return at;
  size_t found = sql.find(end, at + end.size());
  return found == std::string_view::npos ? sql.size() : found + end.size();
}

// Text in backquotes is one token.
std::vector<Token> Tokens(std::string_view sql) {
  std::vector<Token> tokens;
  for (size_t at = 0; at < sql.size();) {
    size_t end = SkipQuoted(sql, at);
    if (sql[at] == '`') {
      tokens.push_back({at, sql.substr(at, end - at)});
    } else if (end == at) {
      auto belongs = IsWordCharacter(sql[at])       ? IsWordCharacter
                     : IsOperatorCharacter(sql[at]) ? IsOperatorCharacter
                                                    : nullptr;
      while (belongs != nullptr && end < sql.size() && belongs(sql[end])) ++end;
      if (end > at) tokens.push_back({at, sql.substr(at, end - at)});
      end = std::max(end, at + 1);
    }
    at = end;
  }
  return tokens;
}

const v1::Field* FindColumn(const SqlColumns& columns, std::string_view word) {
  for (const v1::Field& column : columns) {
    if (absl::EqualsIgnoreCase(column.name(), absl::string_view(word.data(), word.size()))) {
      return &column;
    }
  }
  return nullptr;
}

// Whether the parser takes the word alone for something other than a column.
bool IsWordOfSql(std::string_view word) {
  SqlResult<nlohmann::json> tree = ParseTree(word);
  const auto* node = std::get_if<nlohmann::json>(&tree);
  return node == nullptr || !node->contains("ColumnRef");
}

SqlError WordOfSql(size_t position, const v1::Field& column) {
  return {fmt::format("'{}' is a word of SQL; in double quotes it is the column", column.name()),
          static_cast<int>(position), fmt::format("\"{}\"", column.name())};
}

// A way to mend `token`, with what is wrong with it.
struct Repair {
  Token token;
  std::string replacement;
  SqlError error;
};

Repair BackquoteRepair(const Token& token, const SqlColumns& columns) {
  std::string_view inside = token.text.substr(1, token.text.size() - 2);
  const v1::Field* column = FindColumn(columns, inside);
  std::string write =
      column != nullptr ? fmt::format("\"{}\"", column->name()) : fmt::format("'{}'", inside);
  return {token,
          write,
          {"'`' is no quote of SQL: text stands in single quotes, a column in double ones",
           static_cast<int>(token.position), write}};
}

std::vector<Repair> Repairs(std::string_view sql, const SqlColumns& columns) {
  std::vector<Repair> repairs;
  for (const Token& token : Tokens(sql)) {
    if (repairs.size() == kMostRepairs) break;
    int position = static_cast<int>(token.position);
    if (token.text == "&&") {
      repairs.push_back({token, " and ", {"operator '&&' is not supported", position, "and"}});
    } else if (token.text.size() > 2 && token.text.front() == '`' && token.text.back() == '`') {
      repairs.push_back(BackquoteRepair(token, columns));
    } else if (const v1::Field* column = FindColumn(columns, token.text);
               column != nullptr && IsWordOfSql(token.text)) {
      SqlError error = WordOfSql(token.position, *column);
      std::string replacement = error.write;
      repairs.push_back({token, std::move(replacement), std::move(error)});
    }
  }
  return repairs;
}

// How far the parser comes once it is mended, in bytes of the text as it was.
size_t Reach(std::string_view sql, const Repair& repair) {
  std::string mended(sql);
  mended.replace(repair.token.position, repair.token.text.size(), repair.replacement);
  SqlResult<nlohmann::json> tree = ParseTree(mended);
  const auto* error = std::get_if<SqlError>(&tree);
  if (error == nullptr) return sql.size() + 1;
  auto at = static_cast<size_t>(error->position);
  if (at < repair.token.position + repair.replacement.size()) return 0;
  return at + repair.token.text.size() - repair.replacement.size();
}

}  // namespace

SqlError ExplainSyntaxError(std::string_view sql, const SqlColumns& columns, SqlError error) {
  size_t furthest = static_cast<size_t>(error.position);
  for (Repair& repair : Repairs(sql, columns)) {
    size_t reach = Reach(sql, repair);
    if (reach <= furthest) continue;
    furthest = reach;
    error = std::move(repair.error);
  }
  return error;
}

std::optional<Mended> WithOrForBars(std::string_view sql) {
  std::optional<Mended> mended;
  size_t copied = 0;
  for (const Token& token : Tokens(sql)) {
    if (token.text != "||") continue;
    int position = static_cast<int>(token.position);
    if (!mended) mended = Mended{"", {"'||' joins texts; between conditions", position, "or"}};
    mended->text += fmt::format("{} or ", sql.substr(copied, token.position - copied));
    copied = token.position + token.text.size();
  }
  if (mended) mended->text += sql.substr(copied);
  return mended;
}

std::optional<SqlError> WordMeantAsColumn(std::string_view sql, int position,
                                          const SqlColumns& columns) {
  for (const Token& token : Tokens(sql)) {
    if (token.position != static_cast<size_t>(position)) continue;
    const v1::Field* column = FindColumn(columns, token.text);
    if (column != nullptr) return WordOfSql(token.position, *column);
  }
  return std::nullopt;
}

}  // namespace forebay::sql
