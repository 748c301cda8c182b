#include "schemas/sql/aggregate.h"

#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "schemas/sql/checker.h"
#include "schemas/sql/nearest_name.h"
#include "schemas/sql/syntax_tree.h"

namespace forebay::sql {
namespace {

using nlohmann::json;

constexpr std::string_view kAllowed =
    "count, sum, mean, avg, min, max, stddev, stddev_pop, variance, variance_pop, first, last, "
    "approx_count_distinct";

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  for (const std::string_view one : names) {
    if (one == name) return true;
  }
  return false;
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

// The argument as the aggregate takes it; sets the type of the aggregate's value.
MaybeNode TypeArgument(std::string_view function, Node argument, v1::Aggregate* aggregate,
                       ErrorSlot* errors) {
  if (argument.IsUntypedNull()) {
    return errors->Fail(argument.position,
                        fmt::format("the argument of {} is always null", function));
  }
  const v1::DataType type = argument.type();
  if (IsOneOf(function, {"count", "approx_count_distinct"})) {
    aggregate->set_type(v1::INT64);
    return argument;
  }
  if (IsOneOf(function, {"min", "max", "first", "last"})) {
    aggregate->set_type(type);
    return argument;
  }
  if (type != v1::INT64 && type != v1::DOUBLE) {
    return errors->Fail(
        argument.position,
        fmt::format("{} needs numbers, found {}{}", function, TypeName(type),
                    type == v1::BOOL ? ": count(*) filter (where ...) counts what is true" : ""));
  }
  aggregate->set_type(function == "sum" ? type : v1::DOUBLE);
  return IsOneOf(function, {"sum", "mean"}) ? argument : CastTo(std::move(argument), v1::DOUBLE);
}

bool SetArgument(std::string_view name, const json& call, Checker* checker,
                 v1::Aggregate* aggregate, ErrorSlot* errors) {
  if (call.contains("agg_star")) {
    aggregate->set_type(v1::INT64);
    if (aggregate->function() == "count") return true;
    errors->Fail(LocationOf(call),
                 fmt::format("{}(*) is not allowed: {} needs one argument", name, name));
    return false;
  }
  const size_t count = call.contains("args") ? call["args"].size() : 0;
  if (count != 1) {
    errors->Fail(LocationOf(call),
                 fmt::format("{} needs one argument, found {}{}", name, count,
                             name == "count" && count == 0 ? ": write count(*)" : ""));
    return false;
  }
  MaybeNode argument = checker->Check(call["args"][0]);
  if (!argument.has_value()) return false;
  argument = TypeArgument(aggregate->function(), *std::move(argument), aggregate, errors);
  if (!argument.has_value()) return false;
  *aggregate->add_arguments() = std::move(argument->expression);
  return true;
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
        fmt::format("expected one aggregate call, as in sum(x) filter (where ...); allowed: {}",
                    kAllowed));
  }
  const std::string name = FunctionName(tree["FuncCall"]);
  std::vector<std::string> names;
  for (const absl::string_view one :
       absl::StrSplit(absl::string_view(kAllowed.data(), kAllowed.size()), ", ")) {
    names.emplace_back(one);
  }
  const std::string nearest = NearestName(name, names);
  return errors->Fail(
      position,
      fmt::format("'{}' is not an aggregate{}; allowed: {}", name,
                  nearest.empty() ? "" : fmt::format(", did you mean '{}'?", nearest), kAllowed));
}

}  // namespace

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
