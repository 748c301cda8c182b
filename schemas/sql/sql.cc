#include "schemas/sql/sql.h"

#include <utility>

#include "forebay/v1/definition.pb.h"
#include "nlohmann/json.hpp"
#include "schemas/sql/aggregate.h"
#include "schemas/sql/checker.h"
#include "schemas/sql/syntax_hint.h"
#include "schemas/sql/syntax_tree.h"

namespace forebay {

namespace {

SqlResult<nlohmann::json> ParseOrExplain(std::string_view sql, const SqlColumns& columns) {
  SqlResult<nlohmann::json> tree = sql::ParseTree(sql);
  if (auto* error = std::get_if<SqlError>(&tree)) {
    return sql::ExplainSyntaxError(sql, columns, *std::move(error));
  }
  return tree;
}

SqlResult<v1::Expression> ReadExpression(std::string_view sql, const SqlColumns& columns) {
  SqlResult<nlohmann::json> tree = ParseOrExplain(sql, columns);
  if (auto* error = std::get_if<SqlError>(&tree)) return *std::move(error);
  sql::ErrorSlot errors;
  sql::MaybeNode node = sql::Checker(sql, columns, &errors).Check(std::get<nlohmann::json>(tree));
  if (!node.has_value()) return errors.error();
  if (node->IsUntypedNull()) {
    return SqlError{"the expression is always null: give it a type, as in cast(null as double)",
                    node->position};
  }
  return std::move(node->expression);
}

SqlResult<v1::Aggregate> ReadAggregate(std::string_view sql, const SqlColumns& columns) {
  SqlResult<nlohmann::json> tree = ParseOrExplain(sql, columns);
  if (auto* error = std::get_if<SqlError>(&tree)) return *std::move(error);
  sql::ErrorSlot errors;
  std::optional<v1::Aggregate> aggregate =
      sql::CheckAggregate(sql, std::get<nlohmann::json>(tree), columns, &errors);
  if (!aggregate.has_value()) return errors.error();
  return *std::move(aggregate);
}

// What `read` makes of the text. Where that is an error, and none with `or` for `||`, that is it.
template <typename T>
SqlResult<T> ReadWithHint(SqlResult<T> (*read)(std::string_view, const SqlColumns&),
                          std::string_view sql, const SqlColumns& columns) {
  SqlResult<T> result = read(sql, columns);
  if (!std::holds_alternative<SqlError>(result)) return result;
  std::optional<sql::Mended> mended = sql::WithOrForBars(sql);
  if (!mended.has_value()) return result;
  if (std::holds_alternative<T>(read(mended->text, columns))) return std::move(mended->error);
  return result;
}

}  // namespace

SqlResult<v1::Expression> ParseExpression(std::string_view sql, const SqlColumns& columns) {
  return ReadWithHint(ReadExpression, sql, columns);
}

SqlResult<v1::Aggregate> ParseAggregate(std::string_view sql, const SqlColumns& columns) {
  return ReadWithHint(ReadAggregate, sql, columns);
}

}  // namespace forebay
