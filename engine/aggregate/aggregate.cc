#include "engine/aggregate/aggregate.h"

#include <iterator>

#include "engine/aggregate/approx_count_distinct.h"
#include "engine/aggregate/count.h"
#include "engine/aggregate/extreme.h"
#include "engine/aggregate/first_last.h"
#include "engine/aggregate/moments.h"
#include "engine/aggregate/sum.h"

namespace forebay {
namespace {

using MakeFunctions = AggregateFunctions (*)(DataType argument);

struct Row {
  std::string_view function;
  MakeFunctions any;  // for every argument type, or:
  AggregateFunctions (*int64)() = nullptr;
  AggregateFunctions (*float64)() = nullptr;
};

constexpr Row kRows[] = {
    {"count", [](DataType) { return CountFunctions(); }},
    {"min", MinFunctions},
    {"max", MaxFunctions},
    {"first", FirstFunctions},
    {"last", LastFunctions},
    {"approx_count_distinct", ApproxCountDistinctFunctions},
    {"sum", nullptr, SumInt64Functions, SumDoubleFunctions},
    {"mean", nullptr, MeanInt64Functions, MeanDoubleFunctions},
    {"variance", nullptr, nullptr, VarianceFunctions},
    {"variance_pop", nullptr, nullptr, VariancePopFunctions},
    {"stddev", nullptr, nullptr, StddevFunctions},
    {"stddev_pop", nullptr, nullptr, StddevPopFunctions},
};
constexpr int kTypes = 7;

std::optional<AggregateFunctions> Make(const Row& row, DataType type) {
  if (row.any != nullptr) return row.any(type);
  if (type == DataType::kInt64 && row.int64 != nullptr) return row.int64();
  if (type == DataType::kDouble && row.float64 != nullptr) return row.float64();
  return std::nullopt;
}

struct Table {
  std::optional<AggregateFunctions> functions[std::size(kRows)][kTypes];

  Table() {
    for (size_t row = 0; row < std::size(kRows); ++row) {
      for (int type = 1; type < kTypes; ++type)
        functions[row][type] = Make(kRows[row], static_cast<DataType>(type));
    }
  }
};

}  // namespace

const AggregateFunctions* FindAggregate(std::string_view function,
                                        std::optional<DataType> argument) {
  static const Table* const kTable = new Table;
  if (!argument && function != "count") return nullptr;
  int type = static_cast<int>(argument.value_or(DataType::kBool));
  for (size_t row = 0; row < std::size(kRows); ++row) {
    if (kRows[row].function != function) continue;
    const std::optional<AggregateFunctions>& found = kTable->functions[row][type];
    return found ? &*found : nullptr;
  }
  return nullptr;
}

}  // namespace forebay
