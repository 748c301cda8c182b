#include "schemas/sql/aggregate.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "nlohmann/json.hpp"
#include "schemas/sql/checker.h"
#include "schemas/sql/syntax_tree.h"
#include "schemas/types/data_type.h"
#include "schemas/types/nearest_name.h"

namespace forebay::sql {
namespace {

using nlohmann::json;

enum class Takes { kAny, kNumber, kDouble };  // kDouble: int64 is cast
enum class Gives { kInt64, kArgument, kDouble, kListOfArgument };

// A whole number that is the second argument.
struct Parameter {
  std::string_view name = {};  // empty: the aggregate takes none
  int64_t least = 0;
  int64_t most = 0;
};

struct Row {
  std::string_view function;
  Takes takes;
  Gives gives;
  std::string_view aliases[2] = {};
  Parameter parameter = {};
};

constexpr Row kAggregates[] = {
    {"count", Takes::kAny, Gives::kInt64},
    {"sum", Takes::kNumber, Gives::kArgument},
    {"mean", Takes::kNumber, Gives::kDouble, {"avg"}},
    {"min", Takes::kAny, Gives::kArgument},
    {"max", Takes::kAny, Gives::kArgument},
    {"stddev", Takes::kDouble, Gives::kDouble, {"stddev_samp"}},
    {"stddev_pop", Takes::kDouble, Gives::kDouble},
    {"variance", Takes::kDouble, Gives::kDouble, {"var_samp"}},
    {"variance_pop", Takes::kDouble, Gives::kDouble, {"var_pop"}},
    {"skewness", Takes::kDouble, Gives::kDouble},
    {"first", Takes::kAny, Gives::kArgument},
    {"last", Takes::kAny, Gives::kArgument},
    {"last_n", Takes::kAny, Gives::kListOfArgument, {}, {"n", 1, 1000}},
    {"approx_count_distinct", Takes::kAny, Gives::kInt64},
};

const Row* FindRow(std::string_view name) {
  for (const Row& row : kAggregates) {
    if (row.function == name) return &row;
    for (std::string_view alias : row.aliases) {
      if (!alias.empty() && alias == name) return &row;
    }
  }
  return nullptr;
}

std::vector<std::string> AllowedNames() {
  std::vector<std::string> names;
  for (const Row& row : kAggregates) {
    names.emplace_back(row.function);
    for (std::string_view alias : row.aliases) {
      if (!alias.empty()) names.emplace_back(alias);
    }
  }
  return names;
}

// Clauses that aggregates have in SQL and not here.
bool CheckClauses(const std::string& name, const json& call, ErrorSlot* errors) {
  const int position = LocationOf(call);
  std::string message;
  if (call.contains("over")) {
    message = fmt::format(
        "a window function ({} over ...) is not supported: windows are declared beside the SQL",
        name);
  } else if (call.contains("agg_distinct")) {
    message = name == "count"
                  ? "count(distinct ...) is not supported: use approx_count_distinct(...)"
                  : fmt::format("{}(distinct ...) is not supported", name);
  } else if (call.contains("agg_within_group")) {
    message = fmt::format("{} within group (...) is not supported", name);
  } else if (call.contains("agg_order")) {
    message =
        fmt::format("order by inside {} is not supported: first and last go by event time", name);
  } else if (call.contains("func_variadic")) {
    message = "variadic is not supported";
  } else {
    return true;
  }
  errors->Fail(position, message);
  return false;
}

v1::DataType TypeOfValue(Gives gives, v1::DataType argument) {
  switch (gives) {
    case Gives::kInt64:
      return v1::INT64;
    case Gives::kDouble:
      return v1::DOUBLE;
    case Gives::kListOfArgument:
      return static_cast<v1::DataType>(ListOf(static_cast<DataType>(argument)));
    case Gives::kArgument:
      break;
  }
  return argument;
}

// The argument as the aggregate takes it; sets the type of the aggregate's value.
MaybeNode TypeArgument(std::string_view function, Node argument, v1::Aggregate* aggregate,
                       ErrorSlot* errors) {
  if (argument.IsUntypedNull()) {
    return errors->Fail(argument.position,
                        fmt::format("the argument of {} is always null", function));
  }
  const Row& row = *FindRow(function);
  const v1::DataType type = argument.type();
  if (row.takes != Takes::kAny && type != v1::INT64 && type != v1::DOUBLE) {
    return errors->Fail(
        argument.position,
        fmt::format("{} needs numbers, found {}{}", function, TypeName(type),
                    type == v1::BOOL ? ": count(*) filter (where ...) counts what is true" : ""));
  }
  aggregate->set_type(TypeOfValue(row.gives, type));
  return row.takes == Takes::kDouble ? CastTo(std::move(argument), v1::DOUBLE) : argument;
}

std::string Found(const Node& node) {
  if (node.IsUntypedNull()) return "null";
  if (!node.expression.has_literal()) return "an expression";
  if (node.type() == v1::INT64) return fmt::format("{}", node.expression.literal().int64_value());
  return fmt::format("a {}", TypeName(node.type()));
}

// Only a literal will do: it is part of what the state means.
bool SetParameter(std::string_view name, const Parameter& parameter, const json& argument,
                  Checker* checker, v1::Aggregate* aggregate, ErrorSlot* errors) {
  const MaybeNode node = checker->Check(argument);
  if (!node.has_value()) return false;
  const v1::Literal& literal = node->expression.literal();
  const bool is_integer = node->type() == v1::INT64 && literal.has_int64_value();
  if (is_integer && parameter.least <= literal.int64_value() &&
      literal.int64_value() <= parameter.most) {
    *aggregate->mutable_parameter() = literal;
    return true;
  }
  errors->Fail(
      node->position,
      fmt::format("{} of {}(x, {}) must be a whole number from {} to {}, found {}", parameter.name,
                  name, parameter.name, parameter.least, parameter.most, Found(*node)));
  return false;
}

// The number of arguments, and what to write.
std::string Arguments(std::string_view name, const Row& row) {
  if (row.parameter.name.empty()) return "one argument";
  return fmt::format("two arguments, {}(x, {})", name, row.parameter.name);
}

bool SetArgument(std::string_view name, const json& call, Checker* checker,
                 v1::Aggregate* aggregate, ErrorSlot* errors) {
  const Row& row = *FindRow(name);
  if (call.contains("agg_star")) {
    aggregate->set_type(v1::INT64);
    if (aggregate->function() == "count") return true;
    errors->Fail(LocationOf(call), fmt::format("{}(*) is not allowed: {} needs {}", name, name,
                                               Arguments(name, row)));
    return false;
  }
  const size_t count = call.contains("args") ? call["args"].size() : 0;
  if (count != (row.parameter.name.empty() ? 1 : 2)) {
    errors->Fail(LocationOf(call),
                 fmt::format("{} needs {}, found {}{}", name, Arguments(name, row), count,
                             name == "count" && count == 0 ? ": write count(*)" : ""));
    return false;
  }
  MaybeNode argument = checker->Check(call["args"][0]);
  if (!argument.has_value()) return false;
  argument = TypeArgument(aggregate->function(), *std::move(argument), aggregate, errors);
  if (!argument.has_value()) return false;
  *aggregate->add_arguments() = std::move(argument->expression);
  return row.parameter.name.empty() ||
         SetParameter(name, row.parameter, call["args"][1], checker, aggregate, errors);
}

bool SetFilter(const json& call, Checker* checker, v1::Aggregate* aggregate, ErrorSlot* errors) {
  if (!call.contains("agg_filter")) return true;
  MaybeNode filter = checker->Check(call["agg_filter"]);
  if (!filter.has_value()) return false;
  if (filter->IsUntypedNull()) filter = CastTo(*std::move(filter), v1::BOOL);
  if (filter->type() != v1::BOOL) {
    errors->Fail(
        filter->position,
        fmt::format("'filter (where ...)' needs true or false, found {}: write a comparison",
                    TypeName(filter->type())));
    return false;
  }
  *aggregate->mutable_filter() = std::move(filter->expression);
  return true;
}

std::nullopt_t NotAnAggregate(const json& tree, ErrorSlot* errors) {
  const int position = LocationOf(tree);
  if (!tree.contains("FuncCall")) {
    return errors->Fail(
        position,
        fmt::format("expected one aggregate call, as in sum(x) filter (where ...){}; allowed: {}",
                    tree.contains("A_Expr") ? ": make each aggregate a feature of its own, and "
                                              "combine them where they are read"
                                            : "",
                    fmt::join(AllowedNames(), ", ")));
  }
  const std::string name = FunctionName(tree["FuncCall"]);
  if (const ForeignWord* foreign = FindForeignAggregate(name)) {
    return errors->FailForeign(position, fmt::format("'{}' is not an aggregate", name), *foreign);
  }
  const std::vector<std::string> names = AllowedNames();
  return errors->Fail(position, fmt::format("'{}' is not an aggregate{}; allowed: {}", name,
                                            DidYouMean(name, names), fmt::join(names, ", ")));
}

}  // namespace

std::string_view AggregateName(std::string_view name) {
  const Row* row = FindRow(name);
  return row == nullptr ? std::string_view() : row->function;
}

std::optional<v1::Aggregate> CheckAggregate(std::string_view sql, const json& tree,
                                            const SqlColumns& columns, ErrorSlot* errors) {
  const std::string name = tree.contains("FuncCall") ? FunctionName(tree["FuncCall"]) : "";
  const std::string_view function = AggregateName(name);
  if (function.empty()) return NotAnAggregate(tree, errors);
  const json& call = tree["FuncCall"];
  v1::Aggregate aggregate;
  aggregate.set_function(std::string(function));
  aggregate.set_sql(
      std::string(absl::StripAsciiWhitespace(absl::string_view(sql.data(), sql.size()))));
  Checker checker(sql, columns, errors);
  if (!CheckClauses(name, call, errors) || !SetArgument(name, call, &checker, &aggregate, errors) ||
      !SetFilter(call, &checker, &aggregate, errors)) {
    return std::nullopt;
  }
  return aggregate;
}

}  // namespace forebay::sql
