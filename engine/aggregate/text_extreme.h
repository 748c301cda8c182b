// min(x), max(x) of strings, bytes and booleans; numbers and times: summary.h. Words: the count
// and, for a boolean, the value; a string's bytes are the blob. Strings compare by bytes. Nothing:
// null.
#ifndef FOREBAY_ENGINE_AGGREGATE_TEXT_EXTREME_H_
#define FOREBAY_ENGINE_AGGREGATE_TEXT_EXTREME_H_

#include "engine/aggregate/aggregate.h"

namespace forebay {

AggregateFunctions TextMinFunctions(DataType argument);
AggregateFunctions TextMaxFunctions(DataType argument);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_TEXT_EXTREME_H_
