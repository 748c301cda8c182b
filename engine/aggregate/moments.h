// variance(x), stddev(x) and their _pop forms, over doubles. Words: count, mean, and the sum of
// squared differences from the mean (M2). Updated by Welford's method (1962), merged by the formula
// of Chan, Golub and LeVeque (1979), so that large means do not cancel. Sample forms are null below
// 2 values, _pop forms below 1 (S21).
#ifndef FOREBAY_ENGINE_AGGREGATE_MOMENTS_H_
#define FOREBAY_ENGINE_AGGREGATE_MOMENTS_H_

#include "engine/aggregate/aggregate.h"

namespace forebay {

AggregateFunctions VarianceFunctions();
AggregateFunctions VariancePopFunctions();
AggregateFunctions StddevFunctions();
AggregateFunctions StddevPopFunctions();

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_MOMENTS_H_
