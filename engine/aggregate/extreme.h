// min(x), max(x). Words: the count and, for a fixed-size type, the value; a string's bytes are the
// blob. Strings compare by bytes; of equals (0.0 and -0.0) the one that came first stays. Nothing:
// null.
#ifndef FOREBAY_ENGINE_AGGREGATE_EXTREME_H_
#define FOREBAY_ENGINE_AGGREGATE_EXTREME_H_

#include "engine/aggregate/aggregate.h"

namespace forebay {

AggregateFunctions MinFunctions(DataType argument);
AggregateFunctions MaxFunctions(DataType argument);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_EXTREME_H_
