// sum(x), mean(x).
//
// Over doubles: words are the count and the sum, added in the order of arrival. Over int64: the
// count and a 128-bit sum (low, high), so that neither the order nor an overflow on the way shows;
// sum saturates when read, mean divides the 128-bit sum (S21). Nothing summed: null.
#ifndef FOREBAY_ENGINE_AGGREGATE_SUM_H_
#define FOREBAY_ENGINE_AGGREGATE_SUM_H_

#include "engine/aggregate/aggregate.h"

namespace forebay {

AggregateFunctions SumDoubleFunctions();
AggregateFunctions MeanDoubleFunctions();
AggregateFunctions SumInt64Functions();
AggregateFunctions MeanInt64Functions();

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_SUM_H_
