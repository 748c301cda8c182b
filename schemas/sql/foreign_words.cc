#include "schemas/sql/foreign_words.h"

#include <span>

namespace forebay::sql {
namespace {

constexpr std::string_view kTimeOfAsking =
    "a feature depends on its events only, not on the time of asking: `windows` says how old they "
    "may be";
constexpr std::string_view kChance =
    "a feature depends on its events only: the same events give the same value";
constexpr std::string_view kPatterns = "regular expressions are not supported";
constexpr std::string_view kQuantiles =
    "quantiles are not supported yet; for the number of events beyond a bound";
constexpr std::string_view kLater = "it is not supported yet";

constexpr std::string_view kCountBeyond = "count(*) filter (where x > 100)";
constexpr std::string_view kCountIf = "count(*) filter (where condition)";
constexpr std::string_view kDistinct = "approx_count_distinct(x)";

constexpr ForeignWord kForeignFunctions[] = {
    {"now", kTimeOfAsking, ""},
    {"getdate", kTimeOfAsking, ""},
    {"sysdate", kTimeOfAsking, ""},
    {"curdate", kTimeOfAsking, ""},
    {"today", kTimeOfAsking, ""},
    {"unix_timestamp", kTimeOfAsking, ""},
    {"clock_timestamp", kTimeOfAsking, ""},
    {"random", kChance, ""},
    {"rand", kChance, ""},
    {"if", "", "case when condition then a else b end"},
    {"iff", "", "case when condition then a else b end"},
    {"ifnull", "", "coalesce(a, b)"},
    {"nvl", "", "coalesce(a, b)"},
    {"isnull", "", "x is null"},
    {"len", "", "length(x)"},
    {"date_diff", "", "epoch_us(a) - epoch_us(b)"},
    {"datediff", "", "epoch_us(a) - epoch_us(b)"},
    {"timestampdiff", "", "epoch_us(a) - epoch_us(b)"},
    {"to_timestamp", "", "make_timestamp(microseconds)"},
    {"from_unixtime", "", "make_timestamp(microseconds)"},
    {"regexp_like", kPatterns, "x like 'a%'"},
    {"regexp_matches", kPatterns, "x like 'a%'"},
    {"json_extract", kNestedFields, ""},
    {"json_value", kNestedFields, ""},
    {"get_json_object", kNestedFields, ""},
};

constexpr ForeignWord kForeignAggregates[] = {
    {"median", kQuantiles, kCountBeyond},
    {"percentile", kQuantiles, kCountBeyond},
    {"percentile_cont", kQuantiles, kCountBeyond},
    {"percentile_disc", kQuantiles, kCountBeyond},
    {"approx_percentile", kQuantiles, kCountBeyond},
    {"quantile", kQuantiles, kCountBeyond},
    {"approx_quantile", kQuantiles, kCountBeyond},
    {"count_if", "", kCountIf},
    {"countif", "", kCountIf},
    {"sum_if", "", "sum(x) filter (where condition)"},
    {"sumif", "", "sum(x) filter (where condition)"},
    {"count_distinct", "", kDistinct},
    {"approx_distinct", "", kDistinct},
    {"nunique", "", kDistinct},
    {"uniq", "", kDistinct},
    {"first_value", "", "first(x)"},
    {"any_value", "", "last(x)"},
    {"last_value", "", "last(x)"},
    {"latest", "", "last(x)"},
    {"array_agg", "", "last_n(x, 100)"},
    {"collect_list", "", "last_n(x, 100)"},
    {"std", "", "stddev(x)"},
    {"stdev", "", "stddev(x)"},
    {"var", "", "variance(x)"},
    {"average", "", "mean(x)"},
    {"mode", kLater, ""},
    {"histogram", kLater, ""},
    {"entropy", kLater, ""},
    {"kurtosis", kLater, ""},
    {"max_by", kLater, ""},
    {"min_by", kLater, ""},
    {"arg_max", kLater, ""},
    {"arg_min", kLater, ""},
};

constexpr ForeignWord kForeignOperators[] = {
    {"==", "", "="},           {"&&", "", "and"},
    {"=<", "", "<="},          {"><", "", "<>"},
    {"!", "", "not"},          {"=~", kPatterns, "x like 'a%'"},
    {"->", kNestedFields, ""}, {"->>", kNestedFields, ""},
    {"#>", kNestedFields, ""}, {"#>>", kNestedFields, ""},
};

const ForeignWord* FindWord(std::span<const ForeignWord> words, std::string_view word) {
  for (const ForeignWord& foreign : words) {
    if (foreign.word == word) return &foreign;
  }
  return nullptr;
}

}  // namespace

const ForeignWord* FindForeignFunction(std::string_view name) {
  return FindWord(kForeignFunctions, name);
}

const ForeignWord* FindForeignAggregate(std::string_view name) {
  return FindWord(kForeignAggregates, name);
}

const ForeignWord* FindForeignOperator(std::string_view symbol) {
  return FindWord(kForeignOperators, symbol);
}

}  // namespace forebay::sql
