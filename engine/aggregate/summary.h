// count(x), sum(x), mean(x), min(x), max(x) of numbers; count, min and max of times. Those of one
// input (argument and filter) over tiles of one hop are kept as one summary, of the parts that any
// of them reads, so that an event updates them together.
//
// Words: the count, then the parts kept, in this order: the sum (doubles: one word, added in the
// order of arrival; int64: the low and high half of 128 bits, so that neither the order nor an
// overflow on the way shows), the least value, the greatest value. Of equals (0.0 and -0.0) the one
// that came first stays. sum of int64 saturates when read; mean divides the 128-bit sum (S21).
// Nothing aggregated: null, but a count of 0.
#ifndef FOREBAY_ENGINE_AGGREGATE_SUMMARY_H_
#define FOREBAY_ENGINE_AGGREGATE_SUMMARY_H_

#include "engine/aggregate/aggregate.h"

namespace forebay {

using SummaryParts = uint8_t;
inline constexpr SummaryParts kSumPart = 1;
inline constexpr SummaryParts kMinPart = 2;
inline constexpr SummaryParts kMaxPart = 4;

// What `value` needs beside the count.
SummaryParts PartsOf(SummaryValue value);

// INT64, DOUBLE, and TIMESTAMP but for its sum and mean.
bool HasSummary(DataType argument, SummaryValue value);

// A summary of `parts`, finalized to `value`. REQUIRES: HasSummary(argument, value), and `parts`
// has PartsOf(value).
AggregateFunctions SummaryFunctions(DataType argument, SummaryParts parts, SummaryValue value);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_SUMMARY_H_
