#include "schemas/sql/checker.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "absl/strings/ascii.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "nlohmann/json.hpp"
#include "schemas/sql/aggregate.h"
#include "schemas/sql/column_reference.h"
#include "schemas/sql/functions.h"
#include "schemas/sql/operators.h"
#include "schemas/sql/syntax_hint.h"
#include "schemas/sql/syntax_tree.h"
#include "schemas/sql/type_names.h"

namespace forebay::sql {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 40;     // levels: a plan nests in other messages, and protobuf reads 100
constexpr int kMaxSize = 10'000;  // nodes: `between` and `case x when` repeat their operand

// What PostgreSQL's grammar has and forebay lacks, by the kind of its node.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kUnsupported = {{
    {"SubLink", "a subquery"},
    {"ParamRef", "a parameter ($1)"},
    {"A_ArrayExpr", "array[...]"},
    {"A_Indirection",
     "a subscript or a field of a value (a column is a field of the event itself)"},
    {"RowExpr", "row(...)"},
    {"SQLValueFunction", "the current date, time or user: a feature depends on its events only"},
    {"CollateClause", "collate"},
    {"XmlExpr", "xml"},
    {"XmlSerialize", "xml"},
    {"GroupingFunc", "grouping()"},
    {"SetToDefault", "default"},
    {"CurrentOfExpr", "current of"},
    {"NamedArgExpr", "an argument by name"},
    {"MultiAssignRef", "assignment"},
}};

std::string SymbolOf(const json& body) {
  const json& names = body["name"];
  return names.back()["String"].value("sval", "");
}

}  // namespace

std::string FunctionName(const json& call) {
  return call["funcname"].back()["String"].value("sval", "");
}

MaybeNode Checker::Check(const json& node) {
  const std::string kind = node.is_object() && !node.empty() ? node.begin().key() : "";
  const json& body = kind.empty() ? node : node.begin().value();
  if (++depth_ > kMaxDepth) {
    --depth_;
    return errors_->Fail(
        LocationOf(body),
        fmt::format("the expression is nested more than {} levels deep", kMaxDepth));
  }
  MaybeNode checked = CheckKind(kind, body);
  --depth_;
  if (!checked.has_value()) return std::nullopt;
  if (checked->depth > kMaxDepth) {
    return errors_->Fail(
        checked->position,
        fmt::format("the expression is nested more than {} levels deep", kMaxDepth));
  }
  if (checked->size > kMaxSize) {
    return errors_->Fail(
        checked->position,
        fmt::format("the expression is too large: more than {} operations", kMaxSize));
  }
  return checked;
}

MaybeNode Checker::CheckKind(const std::string& kind, const json& body) {
  if (kind == "ColumnRef") return CheckColumn(body);
  if (kind == "A_Const") return CheckConstant(body);
  if (kind == "A_Expr") return CheckOperator(body);
  if (kind == "BoolExpr") return CheckLogic(body);
  if (kind == "FuncCall") return CheckFunction(body);
  if (kind == "TypeCast") return CheckCast(body);
  if (kind == "CaseExpr") return CheckCase(body);
  if (kind == "NullTest") return CheckNullTest(body);
  if (kind == "BooleanTest") return CheckBooleanTest(body);
  if (kind == "CoalesceExpr" || kind == "MinMaxExpr") {
    std::vector<Node> operands;
    if (!CheckAll(body["args"], &operands)) return std::nullopt;
    const std::string_view name = kind == "CoalesceExpr"                  ? "coalesce"
                                  : body.value("op", "") == "IS_GREATEST" ? "greatest"
                                                                          : "least";
    return SameType(name, name, std::move(operands), LocationOf(body), errors_);
  }
  if (kind == "SQLValueFunction" || kind == "SetToDefault") {
    std::optional<SqlError> meant = WordMeantAsColumn(sql_, LocationOf(body), columns_);
    if (meant.has_value()) return errors_->Fail(*std::move(meant));
  }
  for (const auto& [unsupported, what] : kUnsupported) {
    if (unsupported == kind) return Unsupported(what, body);
  }
  return Unsupported(kind, body);
}

MaybeNode Checker::Unsupported(std::string_view what, const json& body) {
  return errors_->Fail(LocationOf(body), fmt::format("not supported here: {}", what));
}

bool Checker::CheckAll(const json& nodes, std::vector<Node>* checked) {
  for (const json& node : nodes) {
    MaybeNode one = Check(node);
    if (!one.has_value()) return false;
    checked->push_back(*std::move(one));
  }
  return true;
}

MaybeNode Checker::Negate(MaybeNode node, bool negated) {
  if (!node.has_value() || !negated) return node;
  const int position = node->position;
  std::vector<Node> operands;
  operands.push_back(*std::move(node));
  return Logic("not", std::move(operands), position, errors_);
}

MaybeNode Checker::CheckColumn(const json& body) {
  if (body["fields"][0].contains("A_Star")) return Unsupported("'*' outside count(*)", body);
  return ColumnOf(sql_, body, columns_, errors_);
}

MaybeNode Checker::CheckConstant(const json& body) {
  const int position = LocationOf(body);
  if (body.value("isnull", false)) return UntypedNull(position);
  if (body.contains("boolval"))
    return BoolLiteral(body["boolval"].value("boolval", false), position);
  if (body.contains("sval")) return StringLiteral(body["sval"].value("sval", ""), position);
  if (body.contains("fval")) return CheckDecimal(body["fval"].value("fval", ""), position);
  if (body.contains("ival")) {
    if (body["ival"].contains("ival"))
      return Int64Literal(body["ival"]["ival"].get<int64_t>(), position);
    const std::optional<int64_t> value = IntegerAt(sql_, position);
    if (value.has_value()) return Int64Literal(*value, position);
  }
  return Unsupported("a bit string", body);
}

MaybeNode Checker::CheckDecimal(const std::string& text, int position) {
  const char* end = text.data() + text.size();
  if (text.find_first_of(".eE") == std::string::npos) {
    int64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc() && stop == end) return Int64Literal(value, position);
    return errors_->Fail(
        position, fmt::format("{} does not fit an int64: write {}e0 for a double", text, text));
  }
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stop == end) return DoubleLiteral(value, position);
  return errors_->Fail(position, fmt::format("{} does not fit a double", text));
}

MaybeNode Checker::CheckCast(const json& body) {
  const int position = std::max(0, body.value("location", -1) >= 0 ? body.value("location", 0)
                                                                   : LocationOf(body["typeName"]));
  MaybeNode operand = Check(body["arg"]);
  if (!operand.has_value()) return std::nullopt;
  const std::optional<v1::DataType> type = ReadTypeName(body["typeName"], position, errors_);
  if (!type.has_value()) return std::nullopt;
  return ExplicitCast(*std::move(operand), *type, position, errors_);
}

MaybeNode Checker::CheckOperator(const json& body) {
  const std::string kind = body.value("kind", "");
  const std::string symbol = SymbolOf(body);
  const int position = LocationOf(body);
  if (kind == "AEXPR_BETWEEN") return CheckBetween(body, /*negated=*/false);
  if (kind == "AEXPR_NOT_BETWEEN") return CheckBetween(body, /*negated=*/true);
  if (kind == "AEXPR_IN") return CheckIn(body, /*negated=*/symbol == "<>");
  if (kind == "AEXPR_LIKE") return CheckLike(body, /*negated=*/symbol == "!~~");
  if (const ForeignWord* foreign = FindForeignOperator(symbol); foreign && kind == "AEXPR_OP") {
    return errors_->FailForeign(position, fmt::format("operator '{}' is not supported", symbol),
                                *foreign);
  }
  const bool is_distinct = kind == "AEXPR_DISTINCT" || kind == "AEXPR_NOT_DISTINCT";
  if (kind != "AEXPR_OP" && kind != "AEXPR_NULLIF" && !is_distinct) {
    const std::string_view what = kind == "AEXPR_ILIKE"     ? "ilike: use lower(x) like ..."
                                  : kind == "AEXPR_SIMILAR" ? "similar to"
                                  : kind == "AEXPR_OP_ANY"  ? "any(...): use in (...)"
                                  : kind == "AEXPR_OP_ALL"  ? "all(...)"
                                  : kind.find("BETWEEN_SYM") != std::string::npos
                                      ? "between symmetric"
                                      : "this operator";
    return Unsupported(what, body);
  }
  if (!body.contains("lexpr")) {
    MaybeNode operand = Check(body["rexpr"]);
    if (!operand.has_value()) return std::nullopt;
    return Unary(symbol, *std::move(operand), position, errors_);
  }
  MaybeNode left = Check(body["lexpr"]);
  if (!left.has_value()) return std::nullopt;
  MaybeNode right = Check(body["rexpr"]);
  if (!right.has_value()) return std::nullopt;
  if (kind == "AEXPR_NULLIF") return NullIf(*std::move(left), *std::move(right), position, errors_);
  if (is_distinct) {
    return Compare(kind == "AEXPR_DISTINCT" ? "distinct" : "not_distinct", *std::move(left),
                   *std::move(right), position, errors_);
  }
  return Binary(symbol, *std::move(left), *std::move(right), position, errors_);
}

MaybeNode Checker::CheckBetween(const json& body, bool negated) {
  const int position = LocationOf(body);
  std::vector<Node> bounds;
  MaybeNode value = Check(body["lexpr"]);
  if (!value.has_value() || !CheckAll(body["rexpr"]["List"]["items"], &bounds)) return std::nullopt;
  MaybeNode above = Compare("greater_equal", *value, std::move(bounds[0]), position, errors_);
  if (!above.has_value()) return std::nullopt;
  MaybeNode below =
      Compare("less_equal", *std::move(value), std::move(bounds[1]), position, errors_);
  if (!below.has_value()) return std::nullopt;
  std::vector<Node> both;
  both.push_back(*std::move(above));
  both.push_back(*std::move(below));
  return Negate(Logic("and", std::move(both), position, errors_), negated);
}

MaybeNode Checker::CheckIn(const json& body, bool negated) {
  std::vector<Node> operands;
  MaybeNode value = Check(body["lexpr"]);
  if (!value.has_value()) return std::nullopt;
  operands.push_back(*std::move(value));
  if (!CheckAll(body["rexpr"]["List"]["items"], &operands)) return std::nullopt;
  return Negate(In(std::move(operands), LocationOf(body), errors_), negated);
}

MaybeNode Checker::CheckLike(const json& body, bool negated) {
  const json& right = body["rexpr"];
  if (right.contains("FuncCall") && FunctionName(right["FuncCall"]) == "like_escape") {
    return Unsupported("like ... escape: '%' and '_' cannot be escaped", body);
  }
  std::vector<Node> operands;
  if (!CheckAll(json::array({body["lexpr"], right}), &operands)) return std::nullopt;
  for (Node& operand : operands) {
    if (operand.IsUntypedNull()) operand = CastTo(std::move(operand), v1::STRING);
    if (operand.type() != v1::STRING) {
      return errors_->Fail(operand.position,
                           fmt::format("'like' needs strings, found {}", TypeName(operand.type())));
    }
  }
  return Negate(Call("like", v1::BOOL, std::move(operands), LocationOf(body)), negated);
}

MaybeNode Checker::CheckLogic(const json& body) {
  const std::string op = body.value("boolop", "");
  std::vector<Node> operands;
  if (!CheckAll(body["args"], &operands)) return std::nullopt;
  const std::string_view kernel = op == "AND_EXPR" ? "and" : op == "OR_EXPR" ? "or" : "not";
  return Logic(kernel, std::move(operands), LocationOf(body), errors_);
}

MaybeNode Checker::CheckNullTest(const json& body) {
  MaybeNode operand = Check(body["arg"]);
  if (!operand.has_value()) return std::nullopt;
  if (operand->IsUntypedNull()) operand = CastTo(*std::move(operand), v1::INT64);
  std::vector<Node> arguments;
  arguments.push_back(*std::move(operand));
  const bool is_null = body.value("nulltesttype", "") == "IS_NULL";
  return Call(is_null ? "is_null" : "is_not_null", v1::BOOL, std::move(arguments),
              LocationOf(body));
}

MaybeNode Checker::CheckBooleanTest(const json& body) {
  MaybeNode operand = Check(body["arg"]);
  if (!operand.has_value()) return std::nullopt;
  const std::string test = body.value("booltesttype", "");
  const int position = LocationOf(body);
  const bool negated = test.find("NOT") != std::string::npos;
  if (operand->IsUntypedNull()) operand = CastTo(*std::move(operand), v1::BOOL);
  if (operand->type() != v1::BOOL) {
    return errors_->Fail(operand->position, fmt::format("'is true' needs true or false, found {}",
                                                        TypeName(operand->type())));
  }
  if (test.find("UNKNOWN") != std::string::npos) {
    std::vector<Node> arguments;
    arguments.push_back(*std::move(operand));
    return Call(negated ? "is_not_null" : "is_null", v1::BOOL, std::move(arguments), position);
  }
  const bool value = test.find("TRUE") != std::string::npos;
  return Compare(negated ? "distinct" : "not_distinct", *std::move(operand),
                 BoolLiteral(value, position), position, errors_);
}

MaybeNode Checker::CheckCase(const json& body) {
  const int position = LocationOf(body);
  MaybeNode subject;
  if (body.contains("arg") && !(subject = Check(body["arg"]))) return std::nullopt;
  std::vector<Node> operands;
  for (const json& arm : body["args"]) {
    const json& when = arm["CaseWhen"];
    MaybeNode condition = Check(when["expr"]);
    if (condition.has_value() && subject.has_value()) {
      const int at = condition->position;
      condition = Compare("equal", *subject, *std::move(condition), at, errors_);
    }
    if (!condition.has_value()) return std::nullopt;
    MaybeNode result = Check(when["result"]);
    if (!result.has_value()) return std::nullopt;
    operands.push_back(*std::move(condition));
    operands.push_back(*std::move(result));
  }
  MaybeNode otherwise =
      body.contains("defresult") ? Check(body["defresult"]) : UntypedNull(position);
  if (!otherwise.has_value()) return std::nullopt;
  operands.push_back(*std::move(otherwise));
  return Case(std::move(operands), position, errors_);
}

MaybeNode Checker::CheckFunction(const json& body) {
  const std::string name = FunctionName(body);
  const int position = LocationOf(body);
  if (body.contains("over"))
    return Unsupported(
        fmt::format("a window function ({} over ...): windows are declared beside the SQL", name),
        body);
  if (!AggregateName(name).empty()) {
    return errors_->Fail(position,
                         fmt::format("the aggregate {} is not allowed inside an expression: it "
                                     "must be the whole 'value' of a feature",
                                     name));
  }
  for (const auto& [key, what] : std::initializer_list<std::pair<const char*, const char*>>{
           {"agg_filter", "filter (where ...)"},
           {"agg_order", "order by in the arguments"},
           {"agg_distinct", "distinct in the arguments"},
           {"agg_star", "'*' as the argument"},
           {"func_variadic", "variadic"},
           {"agg_within_group", "within group"}}) {
    if (body.contains(key)) return Unsupported(fmt::format("{} of function {}", what, name), body);
  }
  std::vector<Node> arguments;
  if (body.contains("args") && !CheckAll(body["args"], &arguments)) return std::nullopt;
  if (name == "concat") return Concat("concat", std::move(arguments), position, errors_);
  if (name == "extract" || name == "date_part" || name == "date_trunc") {
    return CheckDatePart(name, std::move(arguments), position);
  }
  return CallFunction(name, std::move(arguments), position, errors_);
}

MaybeNode Checker::CheckDatePart(std::string_view function, std::vector<Node> arguments,
                                 int position) {
  if (arguments.size() != 2 || !arguments[0].IsStringLiteral()) {
    return errors_->Fail(
        position, fmt::format("{} needs the name of a field and a timestamp, as in {}", function,
                              function == "extract" ? "extract(hour from x)"
                                                    : fmt::format("{}('hour', x)", function)));
  }
  const bool truncate = function == "date_trunc";
  const std::string field = absl::AsciiStrToLower(arguments[0].expression.literal().string_value());
  const std::string kernel = truncate ? TruncateKernel(field) : ExtractKernel(field);
  if (kernel.empty()) {
    const std::vector<std::string> names = truncate ? TruncateUnitNames() : ExtractFieldNames();
    return errors_->Fail(
        arguments[0].position,
        fmt::format("{} has no field '{}'; allowed: {}", function, field, fmt::join(names, ", ")));
  }
  Node time = std::move(arguments[1]);
  if (time.IsUntypedNull()) time = CastTo(std::move(time), v1::TIMESTAMP);
  if (time.type() != v1::TIMESTAMP) {
    return errors_->Fail(time.position, fmt::format("{} needs a timestamp, found {}", function,
                                                    TypeName(time.type())));
  }
  std::vector<Node> operands;
  operands.push_back(std::move(time));
  return Call(kernel, truncate ? v1::TIMESTAMP : ExtractType(kernel), std::move(operands),
              position);
}

}  // namespace forebay::sql
