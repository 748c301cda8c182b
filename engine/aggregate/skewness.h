// skewness(x), of a sample: sqrt(n (n-1)) / (n-2) * sqrt(n) * M3 / M2^1.5, as DuckDB has it (the
// adjusted Fisher-Pearson coefficient). Null below 3 values, and where all are equal. Words: count,
// mean, M2 and M3: the sums of squared and cubed differences from the mean, updated and merged by
// the formulas of Pebay (Sandia report SAND2008-6212), so that large means do not cancel.
#ifndef FOREBAY_ENGINE_AGGREGATE_SKEWNESS_H_
#define FOREBAY_ENGINE_AGGREGATE_SKEWNESS_H_

#include "engine/aggregate/aggregate.h"

namespace forebay {

AggregateFunctions SkewnessFunctions();

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_SKEWNESS_H_
