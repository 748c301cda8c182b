// A typed expression while it is built, and the one error that ends the building.
#ifndef FOREBAY_SCHEMAS_SQL_NODE_H_
#define FOREBAY_SCHEMAS_SQL_NODE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "forebay/v1/definition.pb.h"
#include "schemas/sql/foreign_words.h"
#include "schemas/sql/sql.h"

namespace forebay::sql {

// One node with all below it.
struct Node {
  v1::Expression expression;  // type unspecified: a null that has yet to find its type
  int position = 0;           // in the text
  int size = 1;               // nodes, this one included
  int depth = 1;              // levels, this one included

  v1::DataType type() const { return expression.type(); }
  bool IsUntypedNull() const { return type() == v1::DATA_TYPE_UNSPECIFIED; }
  // A string literal as the user wrote it: takes the type of what it stands beside.
  bool IsStringLiteral() const;
};

// What a builder returns: nothing once it has recorded an error in ErrorSlot.
using MaybeNode = std::optional<Node>;

// Keeps the first error.
class ErrorSlot {
 public:
  // Always nullopt: `return errors->Fail(position, "...")`.
  std::nullopt_t Fail(int position, std::string message, std::string_view write = {});
  std::nullopt_t Fail(SqlError error);
  // `what` says that the word is not one of here: "there is no function 'now'".
  std::nullopt_t FailForeign(int position, std::string_view what, const ForeignWord& word);
  const SqlError& error() const { return *error_; }

 private:
  std::optional<SqlError> error_;
};

// "int64", or "null".
std::string_view TypeName(v1::DataType type);

// Integers of the text, texts, truth values.
Node Int64Literal(int64_t value, int position);
Node DoubleLiteral(double value, int position);
Node StringLiteral(std::string_view value, int position);
Node BoolLiteral(bool value, int position);
Node TimestampLiteral(int64_t micros, int position);
Node UntypedNull(int position);

Node Call(std::string_view kernel, v1::DataType type, std::vector<Node> arguments, int position);

// `node` as `type`: itself, a typed null, or a cast node. REQUIRES: the cast is one that exists.
Node CastTo(Node node, v1::DataType type);

}  // namespace forebay::sql

#endif  // FOREBAY_SCHEMAS_SQL_NODE_H_
