// A syntax tree to a typed expression over columns.
//
//   ErrorSlot errors;
//   MaybeNode node = Checker(sql, columns, &errors).Check(tree);
#ifndef FOREBAY_SCHEMAS_SQL_CHECKER_H_
#define FOREBAY_SCHEMAS_SQL_CHECKER_H_

#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json_fwd.hpp"
#include "schemas/sql/node.h"

namespace forebay::sql {

// The last part of the name of a FuncCall node; its parser writes some names with a schema.
std::string FunctionName(const nlohmann::json& call);

// Points to `sql`, `columns` and `errors`. Not thread-safe.
class Checker {
 public:
  Checker(std::string_view sql, const SqlColumns& columns, ErrorSlot* errors)
      : sql_(sql), columns_(columns), errors_(errors) {}

  MaybeNode Check(const nlohmann::json& node);

 private:
  using Json = nlohmann::json;

  MaybeNode CheckKind(const std::string& kind, const Json& body);
  MaybeNode CheckColumn(const Json& body);
  MaybeNode CheckConstant(const Json& body);
  MaybeNode CheckDecimal(const std::string& text, int position);
  MaybeNode CheckCast(const Json& body);
  MaybeNode CheckOperator(const Json& body);
  MaybeNode CheckBetween(const Json& body, bool negated);
  MaybeNode CheckIn(const Json& body, bool negated);
  MaybeNode CheckLike(const Json& body, bool negated);
  MaybeNode CheckLogic(const Json& body);
  MaybeNode CheckNullTest(const Json& body);
  MaybeNode CheckBooleanTest(const Json& body);
  MaybeNode CheckCase(const Json& body);
  MaybeNode CheckFunction(const Json& body);
  MaybeNode CheckDatePart(std::string_view function, std::vector<Node> arguments, int position);
  MaybeNode Negate(MaybeNode node, bool negated);
  MaybeNode Unsupported(std::string_view what, const Json& body);
  bool CheckAll(const Json& nodes, std::vector<Node>* checked);

  const std::string_view sql_;
  const SqlColumns& columns_;
  ErrorSlot* const errors_;
  int depth_ = 0;
};

}  // namespace forebay::sql

#endif  // FOREBAY_SCHEMAS_SQL_CHECKER_H_
