// Text to PostgreSQL's syntax tree of the one expression in it.
#ifndef FOREBAY_SCHEMAS_SQL_SYNTAX_TREE_H_
#define FOREBAY_SCHEMAS_SQL_SYNTAX_TREE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "nlohmann/json_fwd.hpp"
#include "schemas/sql/sql.h"

namespace forebay::sql {

// The node of the expression. Errors: not UTF-8, too long, a syntax error, not exactly one
// expression. Positions in the tree are those of `LocationOf`.
SqlResult<nlohmann::json> ParseTree(std::string_view sql);

// The `location` of a node, as a byte offset in the text given to ParseTree; that of its first
// child that has one, else 0.
int LocationOf(const nlohmann::json& node);

// The integer whose token, with its signs, starts at `position` of `sql`: libpg_query writes
// negative ones as nothing. Nothing if there is none.
std::optional<int64_t> IntegerAt(std::string_view sql, int position);

}  // namespace forebay::sql

#endif  // FOREBAY_SCHEMAS_SQL_SYNTAX_TREE_H_
