// Why text is wrong: mistakes that the parser and the checker see too late, or as something else.
#ifndef FOREBAY_SCHEMAS_SQL_SYNTAX_HINT_H_
#define FOREBAY_SCHEMAS_SQL_SYNTAX_HINT_H_

#include <optional>
#include <string>
#include <string_view>

#include "schemas/sql/sql.h"

namespace forebay::sql {

// The mistake that, mended, lets the parser of `sql` come further than `error`, which is its own: a
// word of SQL used as a column, `&&` between conditions, backquotes. Else `error`.
SqlError ExplainSyntaxError(std::string_view sql, const SqlColumns& columns, SqlError error);

// The text with `or` for every `||`, and what is wrong if that is right. Nothing without a `||`.
struct Mended {
  std::string text;
  SqlError error;
};
std::optional<Mended> WithOrForBars(std::string_view sql);

// The error for the word at `position`, which is one of SQL, if a column has its name.
std::optional<SqlError> WordMeantAsColumn(std::string_view sql, int position,
                                          const SqlColumns& columns);

}  // namespace forebay::sql

#endif  // FOREBAY_SCHEMAS_SQL_SYNTAX_HINT_H_
