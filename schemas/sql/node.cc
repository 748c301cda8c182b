#include "schemas/sql/node.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "schemas/types/data_type.h"

namespace forebay::sql {
namespace {

Node TypedNode(v1::DataType type, int position) {
  Node node;
  node.expression.set_type(type);
  node.position = position;
  return node;
}

}  // namespace

bool Node::IsStringLiteral() const {
  return type() == v1::STRING && expression.has_literal() &&
         expression.literal().has_string_value();
}

std::nullopt_t ErrorSlot::Fail(int position, std::string message, std::string_view write) {
  return Fail(SqlError{std::move(message), position, std::string(write)});
}

std::nullopt_t ErrorSlot::Fail(SqlError error) {
  if (!error_.has_value()) error_ = std::move(error);
  return std::nullopt;
}

std::nullopt_t ErrorSlot::FailForeign(int position, std::string_view what,
                                      const ForeignWord& word) {
  return Fail(position, fmt::format("{}{}{}", what, word.problem.empty() ? "" : ": ", word.problem),
              word.write);
}

std::string_view TypeName(v1::DataType type) {
  return type == v1::DATA_TYPE_UNSPECIFIED ? "null" : DataTypeName(static_cast<DataType>(type));
}

Node Int64Literal(int64_t value, int position) {
  Node node = TypedNode(v1::INT64, position);
  node.expression.mutable_literal()->set_int64_value(value);
  return node;
}

Node DoubleLiteral(double value, int position) {
  Node node = TypedNode(v1::DOUBLE, position);
  node.expression.mutable_literal()->set_double_value(value);
  return node;
}

Node StringLiteral(std::string_view value, int position) {
  Node node = TypedNode(v1::STRING, position);
  node.expression.mutable_literal()->set_string_value(std::string(value));
  return node;
}

Node BoolLiteral(bool value, int position) {
  Node node = TypedNode(v1::BOOL, position);
  node.expression.mutable_literal()->set_bool_value(value);
  return node;
}

Node TimestampLiteral(int64_t micros, int position) {
  Node node = TypedNode(v1::TIMESTAMP, position);
  node.expression.mutable_literal()->set_int64_value(micros);
  return node;
}

Node UntypedNull(int position) {
  Node node = TypedNode(v1::DATA_TYPE_UNSPECIFIED, position);
  node.expression.mutable_literal();
  return node;
}

Node Call(std::string_view kernel, v1::DataType type, std::vector<Node> arguments, int position) {
  Node node = TypedNode(type, position);
  v1::Call* call = node.expression.mutable_call();
  call->set_function(std::string(kernel));
  for (Node& argument : arguments) {
    node.size += argument.size;
    node.depth = std::max(node.depth, argument.depth + 1);
    *call->add_arguments() = std::move(argument.expression);
  }
  return node;
}

Node CastTo(Node node, v1::DataType type) {
  if (node.type() == type) return node;
  if (node.IsUntypedNull()) {
    node.expression.set_type(type);
    return node;
  }
  if (type == v1::DOUBLE && node.expression.literal().has_int64_value()) {
    return DoubleLiteral(static_cast<double>(node.expression.literal().int64_value()),
                         node.position);
  }
  const int position = node.position;
  std::vector<Node> arguments;
  arguments.push_back(std::move(node));
  return Call("cast", type, std::move(arguments), position);
}

}  // namespace forebay::sql
