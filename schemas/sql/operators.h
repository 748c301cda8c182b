// The typing rules of operators and of what has no fixed argument types: nodes in, one node or an
// error out.
#ifndef FOREBAY_SCHEMAS_SQL_OPERATORS_H_
#define FOREBAY_SCHEMAS_SQL_OPERATORS_H_

#include <string_view>
#include <vector>

#include "schemas/sql/node.h"

namespace forebay::sql {

// + - * / % ^ || and = <> != < <= > >=, as PostgreSQL's parser names them.
MaybeNode Binary(std::string_view symbol, Node left, Node right, int position, ErrorSlot* errors);

// + and - before an operand.
MaybeNode Unary(std::string_view symbol, Node operand, int position, ErrorSlot* errors);

// equal, not_equal, less, less_equal, greater, greater_equal, distinct, not_distinct.
MaybeNode Compare(std::string_view kernel, Node left, Node right, int position, ErrorSlot* errors);

// "and", "or" of two or more, "not" of one.
MaybeNode Logic(std::string_view kernel, std::vector<Node> operands, int position,
                ErrorSlot* errors);

// `kernel` over operands brought to one type, which is that of the result: coalesce, greatest,
// least. `what` names it in errors.
MaybeNode SameType(std::string_view kernel, std::string_view what, std::vector<Node> operands,
                   int position, ErrorSlot* errors);

// case: when, then, when, then, ..., else.
MaybeNode Case(std::vector<Node> operands, int position, ErrorSlot* errors);

// in: value, items.
MaybeNode In(std::vector<Node> operands, int position, ErrorSlot* errors);

MaybeNode NullIf(Node value, Node other, int position, ErrorSlot* errors);

// concat(...) skips nulls; || ("append") does not. Operands become text.
MaybeNode Concat(std::string_view kernel, std::vector<Node> operands, int position,
                 ErrorSlot* errors);

// cast(operand as type), which must exist.
MaybeNode ExplicitCast(Node operand, v1::DataType type, int position, ErrorSlot* errors);

}  // namespace forebay::sql

#endif  // FOREBAY_SCHEMAS_SQL_OPERATORS_H_
