// newest(x): x of the row with the largest (event_time, offset), null or not: what views of rows
// that were computed elsewhere are made of. Words: count, event_time, offset, value, whether there
// is a value; a string's bytes are the blob. Nothing: null.
#ifndef FOREBAY_ENGINE_AGGREGATE_NEWEST_H_
#define FOREBAY_ENGINE_AGGREGATE_NEWEST_H_

#include "engine/aggregate/aggregate.h"

namespace forebay {

AggregateFunctions NewestFunctions(DataType argument);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_NEWEST_H_
