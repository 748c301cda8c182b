#include "engine/aggregate/aggregate.h"

#include <iterator>

#include "engine/aggregate/approx_count_distinct.h"
#include "engine/aggregate/count.h"
#include "engine/aggregate/first_last.h"
#include "engine/aggregate/last_n.h"
#include "engine/aggregate/list_value.h"
#include "engine/aggregate/moments.h"
#include "engine/aggregate/newest.h"
#include "engine/aggregate/skewness.h"
#include "engine/aggregate/summary.h"
#include "engine/aggregate/text_extreme.h"

namespace forebay {
namespace {

template <SummaryValue kValue>
std::optional<AggregateFunctions> Summarized(DataType argument) {
  if (!HasSummary(argument, kValue)) return std::nullopt;
  return SummaryFunctions(argument, PartsOf(kValue), kValue);
}

// The same, but other functions where the type has no summary.
template <SummaryValue kValue, auto functions>
std::optional<AggregateFunctions> SummarizedOr(DataType argument) {
  if (HasSummary(argument, kValue)) return Summarized<kValue>(argument);
  return functions(argument);
}

template <auto functions>
std::optional<AggregateFunctions> Any(DataType argument) {
  return functions(argument);
}

template <auto functions>
std::optional<AggregateFunctions> OfDoubles(DataType argument) {
  if (argument != DataType::kDouble) return std::nullopt;
  return functions();
}

AggregateFunctions CountAny(DataType) { return CountFunctions(); }

struct Row {
  std::string_view function;
  std::optional<AggregateFunctions> (*make)(DataType argument);  // nullopt: not of this type
};

constexpr Row kRows[] = {
    {"count", SummarizedOr<SummaryValue::kCount, CountAny>},
    {"min", SummarizedOr<SummaryValue::kMin, TextMinFunctions>},
    {"max", SummarizedOr<SummaryValue::kMax, TextMaxFunctions>},
    {"sum", Summarized<SummaryValue::kSum>},
    {"mean", Summarized<SummaryValue::kMean>},
    {"first", Any<FirstFunctions>},
    {"last", Any<LastFunctions>},
    {"newest", Any<NewestFunctions>},
    {"last_n", Any<LastNFunctions>},
    {"approx_count_distinct", Any<ApproxCountDistinctFunctions>},
    {"variance", OfDoubles<VarianceFunctions>},
    {"variance_pop", OfDoubles<VariancePopFunctions>},
    {"stddev", OfDoubles<StddevFunctions>},
    {"stddev_pop", OfDoubles<StddevPopFunctions>},
    {"skewness", OfDoubles<SkewnessFunctions>},
};
constexpr int kTypes = 7;

struct Table {
  std::optional<AggregateFunctions> functions[std::size(kRows)][kTypes];
  AggregateFunctions count = CountFunctions();  // count(*)

  Table() {
    for (size_t row = 0; row < std::size(kRows); ++row) {
      for (int type = 1; type < kTypes; ++type)
        functions[row][type] = kRows[row].make(static_cast<DataType>(type));
    }
  }
};

// `Owned`: Value or ValueElement.
template <typename Owned>
Owned ToOwned(const Scalar& scalar, DataType type) {
  switch (type) {
    case DataType::kBool:
      return scalar.bool_value;
    case DataType::kDouble:
      return scalar.double_value;
    case DataType::kString:
    case DataType::kBytes:
      return std::string(scalar.string_value());
    case DataType::kInt64:
    case DataType::kTimestamp:
      break;
  }
  return scalar.int64_value;
}

}  // namespace

Value ToValue(const Scalar& scalar, DataType type) {
  if (scalar.null) return std::monostate();
  if (!IsList(type)) return ToOwned<Value>(scalar, type);
  ValueList list;
  ListReader elements(ElementType(type), scalar.string_value());
  for (Scalar element; elements.Next(&element);)
    list.push_back(ToOwned<ValueElement>(element, ElementType(type)));
  return list;
}

const AggregateFunctions* FindAggregate(std::string_view function,
                                        std::optional<DataType> argument) {
  static const Table* const kTable = new Table;
  if (!argument) return function == "count" ? &kTable->count : nullptr;
  if (IsList(*argument)) return nullptr;
  for (size_t row = 0; row < std::size(kRows); ++row) {
    if (kRows[row].function != function) continue;
    const std::optional<AggregateFunctions>& found =
        kTable->functions[row][static_cast<int>(*argument)];
    return found ? &*found : nullptr;
  }
  return nullptr;
}

}  // namespace forebay
