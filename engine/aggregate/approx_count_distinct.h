// approx_count_distinct(x): HyperLogLog with the sparse form of HyperLogLog++ (Heule, Nunkesser,
// Hall 2013) and the estimator of Ertl (2017), which needs no bias tables. Standard error 1.6 %
// (4,096 registers); nearly exact up to some 1,000 distinct values, which are kept in the sparse
// form at 2^25.
//
// The blob is empty, or one byte of form and then: 1, sparse: sorted little-endian uint32 entries,
// 25 bits of index above 6 bits of rank (at most 1,024); 2, dense: 4,096 registers of one byte.
#ifndef FOREBAY_ENGINE_AGGREGATE_APPROX_COUNT_DISTINCT_H_
#define FOREBAY_ENGINE_AGGREGATE_APPROX_COUNT_DISTINCT_H_

#include "engine/aggregate/aggregate.h"

namespace forebay {

AggregateFunctions ApproxCountDistinctFunctions(DataType argument);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_APPROX_COUNT_DISTINCT_H_
