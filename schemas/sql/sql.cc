#include "schemas/sql/sql.h"

#include <utility>

#include "forebay/v1/definition.pb.h"
#include "nlohmann/json.hpp"
#include "schemas/sql/aggregate.h"
#include "schemas/sql/checker.h"
#include "schemas/sql/syntax_tree.h"

namespace forebay {

SqlResult<v1::Expression> ParseExpression(std::string_view sql, const SqlColumns& columns) {
  SqlResult<nlohmann::json> tree = sql::ParseTree(sql);
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

SqlResult<v1::Aggregate> ParseAggregate(std::string_view sql, const SqlColumns& columns) {
  SqlResult<nlohmann::json> tree = sql::ParseTree(sql);
  if (auto* error = std::get_if<SqlError>(&tree)) return *std::move(error);
  sql::ErrorSlot errors;
  std::optional<v1::Aggregate> aggregate =
      sql::CheckAggregate(sql, std::get<nlohmann::json>(tree), columns, &errors);
  if (!aggregate.has_value()) return errors.error();
  return *std::move(aggregate);
}

}  // namespace forebay
