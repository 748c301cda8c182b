// count(*), and count(x) over a type that has no summary (summary.h). Words: the count.
#ifndef FOREBAY_ENGINE_AGGREGATE_COUNT_H_
#define FOREBAY_ENGINE_AGGREGATE_COUNT_H_

#include "engine/aggregate/aggregate.h"

namespace forebay {

AggregateFunctions CountFunctions();

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_COUNT_H_
