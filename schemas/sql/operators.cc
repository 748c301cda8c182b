#include "schemas/sql/operators.h"

#include <array>
#include <utility>

#include "fmt/format.h"
#include "schemas/sql/functions.h"
#include "schemas/sql/timestamp_text.h"
#include "schemas/sql/type_names.h"

namespace forebay::sql {
namespace {

using v1::BOOL;
using v1::BYTES;
using v1::DATA_TYPE_UNSPECIFIED;
using v1::DOUBLE;
using v1::INT64;
using v1::STRING;
using v1::TIMESTAMP;

struct Operator {
  std::string_view symbol;
  std::string_view kernel;
};

constexpr std::array<Operator, 7> kComparisons = {{{"=", "equal"},
                                                   {"<>", "not_equal"},
                                                   {"!=", "not_equal"},
                                                   {"<", "less"},
                                                   {"<=", "less_equal"},
                                                   {">", "greater"},
                                                   {">=", "greater_equal"}}};

constexpr std::array<Operator, 4> kArithmetic = {
    {{"+", "add"}, {"-", "subtract"}, {"*", "multiply"}, {"%", "modulo"}}};

template <size_t N>
std::string_view KernelOf(const std::array<Operator, N>& operators, std::string_view symbol) {
  for (const Operator& one : operators) {
    if (one.symbol == symbol) return one.kernel;
  }
  return "";
}

bool IsNumber(v1::DataType type) { return type == INT64 || type == DOUBLE; }

std::vector<Node> List(Node first, Node second) {
  std::vector<Node> nodes;
  nodes.push_back(std::move(first));
  nodes.push_back(std::move(second));
  return nodes;
}

// The type that values of two types are brought to; null takes the other's. Nothing if none.
std::optional<v1::DataType> CommonType(v1::DataType a, v1::DataType b) {
  if (a == b || b == DATA_TYPE_UNSPECIFIED) return a;
  if (a == DATA_TYPE_UNSPECIFIED) return b;
  if (IsNumber(a) && IsNumber(b)) return DOUBLE;
  return std::nullopt;
}

// `literal`, a string literal, as the timestamp that it stands beside.
MaybeNode TimestampOf(const Node& literal, ErrorSlot* errors) {
  const std::string& text = literal.expression.literal().string_value();
  const std::optional<int64_t> micros = ParseTimestampText(text);
  if (micros.has_value()) return TimestampLiteral(*micros, literal.position);
  return errors->Fail(
      literal.position,
      fmt::format("'{}' is not a timestamp: write it as in '2013-01-01 05:00:00'", text));
}

// Brings nodes `first`, `first + step`, ... and the last one to one type, which is returned.
std::optional<v1::DataType> Unify(std::vector<Node>* nodes, const std::vector<size_t>& indices,
                                  std::string_view what, ErrorSlot* errors) {
  bool any_timestamp = false;
  for (const size_t i : indices) any_timestamp |= (*nodes)[i].type() == TIMESTAMP;
  v1::DataType type = DATA_TYPE_UNSPECIFIED;
  for (const size_t i : indices) {
    Node& node = (*nodes)[i];
    if (any_timestamp && node.IsStringLiteral()) {
      MaybeNode timestamp = TimestampOf(node, errors);
      if (!timestamp.has_value()) return std::nullopt;
      node = *std::move(timestamp);
    }
    const std::optional<v1::DataType> common = CommonType(type, node.type());
    if (!common.has_value()) {
      return errors->Fail(
          node.position,
          fmt::format("{} needs values of one type, found {} and {}: cast one of them", what,
                      TypeName(type), TypeName(node.type())));
    }
    type = *common;
  }
  if (type == DATA_TYPE_UNSPECIFIED) return type;
  for (const size_t i : indices) (*nodes)[i] = CastTo(std::move((*nodes)[i]), type);
  return type;
}

std::vector<size_t> AllOf(const std::vector<Node>& nodes) {
  std::vector<size_t> indices;
  for (size_t i = 0; i < nodes.size(); ++i) indices.push_back(i);
  return indices;
}

MaybeNode Arithmetic(std::string_view symbol, Node left, Node right, int position,
                     ErrorSlot* errors) {
  const std::string_view kernel = symbol == "/"   ? "divide"
                                  : symbol == "^" ? "power"
                                                  : KernelOf(kArithmetic, symbol);
  for (const Node* operand : {&left, &right}) {
    if (!IsNumber(operand->type()) && !operand->IsUntypedNull()) {
      return errors->Fail(operand->position, fmt::format("'{}' needs numbers, found {}", symbol,
                                                         TypeName(operand->type())));
    }
  }
  v1::DataType type = *CommonType(left.type(), right.type());
  if (type == DATA_TYPE_UNSPECIFIED) type = INT64;
  if (kernel == "divide" || kernel == "power") type = DOUBLE;
  return Call(kernel, type, List(CastTo(std::move(left), type), CastTo(std::move(right), type)),
              position);
}

}  // namespace

MaybeNode Binary(std::string_view symbol, Node left, Node right, int position, ErrorSlot* errors) {
  if (symbol == "||" && left.type() == BOOL && right.type() == BOOL) {
    return errors->Fail(position, "'||' joins texts, found bool and bool");
  }
  if (symbol == "||")
    return Concat("append", List(std::move(left), std::move(right)), position, errors);
  if (symbol == "/" || symbol == "^" || !KernelOf(kArithmetic, symbol).empty()) {
    return Arithmetic(symbol, std::move(left), std::move(right), position, errors);
  }
  if (const std::string_view kernel = KernelOf(kComparisons, symbol); !kernel.empty()) {
    return Compare(kernel, std::move(left), std::move(right), position, errors);
  }
  if (symbol == "//") {  // PostgreSQL's grammar has it bind less than '+', DuckDB's more
    return errors->Fail(position, "operator '//' is not supported: write div(a, b)");
  }
  return errors->Fail(position,
                      fmt::format("operator '{}' is not supported; allowed: + - * / % ^ || = <> "
                                  "!= < <= > >= like in between is",
                                  symbol));
}

MaybeNode Unary(std::string_view symbol, Node operand, int position, ErrorSlot* errors) {
  if (symbol != "+" && symbol != "-") {
    return errors->Fail(position,
                        fmt::format("operator '{}' is not supported before a value", symbol));
  }
  if (operand.IsUntypedNull()) operand = CastTo(std::move(operand), INT64);
  if (!IsNumber(operand.type())) {
    return errors->Fail(operand.position, fmt::format("'{}' needs a number, found {}", symbol,
                                                      TypeName(operand.type())));
  }
  if (symbol == "+") return operand;
  const v1::DataType type = operand.type();
  std::vector<Node> arguments;
  arguments.push_back(std::move(operand));
  return Call("negate", type, std::move(arguments), position);
}

MaybeNode Compare(std::string_view kernel, Node left, Node right, int position, ErrorSlot* errors) {
  std::vector<Node> nodes = List(std::move(left), std::move(right));
  const std::optional<v1::DataType> type = Unify(&nodes, {0, 1}, "a comparison", errors);
  if (!type.has_value()) return std::nullopt;
  if (*type == DATA_TYPE_UNSPECIFIED) {
    for (Node& node : nodes) node = CastTo(std::move(node), INT64);
  }
  return Call(kernel, BOOL, std::move(nodes), position);
}

MaybeNode Logic(std::string_view kernel, std::vector<Node> operands, int position,
                ErrorSlot* errors) {
  for (Node& operand : operands) {
    if (operand.IsUntypedNull()) operand = CastTo(std::move(operand), BOOL);
    if (operand.type() != BOOL) {
      return errors->Fail(operand.position,
                          fmt::format("'{}' needs true or false, found {}: write a comparison",
                                      kernel, TypeName(operand.type())));
    }
  }
  return Call(kernel, BOOL, std::move(operands), position);
}

MaybeNode SameType(std::string_view kernel, std::string_view what, std::vector<Node> operands,
                   int position, ErrorSlot* errors) {
  if (operands.empty())
    return errors->Fail(position, fmt::format("{} needs at least one argument", what));
  const std::optional<v1::DataType> type = Unify(&operands, AllOf(operands), what, errors);
  if (!type.has_value()) return std::nullopt;
  if (*type == DATA_TYPE_UNSPECIFIED) return UntypedNull(position);
  return Call(kernel, *type, std::move(operands), position);
}

MaybeNode Case(std::vector<Node> operands, int position, ErrorSlot* errors) {
  std::vector<size_t> results;
  for (size_t i = 0; i < operands.size(); ++i) {
    const bool is_condition = i % 2 == 0 && i + 1 < operands.size();
    if (!is_condition) {
      results.push_back(i);
      continue;
    }
    if (operands[i].IsUntypedNull()) operands[i] = CastTo(std::move(operands[i]), BOOL);
    if (operands[i].type() != BOOL) {
      return errors->Fail(operands[i].position,
                          fmt::format("'when' needs true or false, found {}: write a comparison",
                                      TypeName(operands[i].type())));
    }
  }
  const std::optional<v1::DataType> type = Unify(&operands, results, "case", errors);
  if (!type.has_value()) return std::nullopt;
  if (*type == DATA_TYPE_UNSPECIFIED) return UntypedNull(position);
  return Call("case", *type, std::move(operands), position);
}

MaybeNode In(std::vector<Node> operands, int position, ErrorSlot* errors) {
  const std::optional<v1::DataType> type = Unify(&operands, AllOf(operands), "in", errors);
  if (!type.has_value()) return std::nullopt;
  if (*type == DATA_TYPE_UNSPECIFIED) {
    for (Node& operand : operands) operand = CastTo(std::move(operand), INT64);
  }
  return Call("in", BOOL, std::move(operands), position);
}

MaybeNode NullIf(Node value, Node other, int position, ErrorSlot* errors) {
  const v1::DataType type = value.type();
  if (type == DATA_TYPE_UNSPECIFIED) return value;
  // nullif(a, b) is of a's type, though the comparison may need another: case when a = b then null
  // else a end.
  Node kept = value;
  MaybeNode same = Compare("equal", std::move(value), std::move(other), position, errors);
  if (!same.has_value()) return std::nullopt;
  std::vector<Node> operands;
  operands.push_back(*std::move(same));
  operands.push_back(UntypedNull(position));
  operands.push_back(std::move(kept));
  return Case(std::move(operands), position, errors);
}

MaybeNode Concat(std::string_view kernel, std::vector<Node> operands, int position,
                 ErrorSlot* errors) {
  if (operands.empty()) return errors->Fail(position, "concat needs at least one argument");
  bool all_bytes = kernel == "append";
  for (const Node& operand : operands)
    all_bytes &= operand.type() == BYTES || operand.IsUntypedNull();
  const bool any_bytes = all_bytes && (operands[0].type() == BYTES || operands[1].type() == BYTES);
  const v1::DataType type = any_bytes ? BYTES : STRING;
  for (Node& operand : operands) operand = CastTo(std::move(operand), type);
  return Call(kernel, type, std::move(operands), position);
}

MaybeNode ExplicitCast(Node operand, v1::DataType type, int position, ErrorSlot* errors) {
  if (type == TIMESTAMP && operand.IsStringLiteral()) return TimestampOf(operand, errors);
  if (CastExists(operand.type(), type)) return CastTo(std::move(operand), type);
  std::string hint;
  if (operand.type() == TIMESTAMP && type == INT64) hint = ": use epoch_us(x)";
  if (operand.type() == INT64 && type == TIMESTAMP) hint = ": use make_timestamp(microseconds)";
  return errors->Fail(position, fmt::format("there is no cast from {} to {}{}",
                                            TypeName(operand.type()), TypeName(type), hint));
}

}  // namespace forebay::sql
