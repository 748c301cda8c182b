// first(x), last(x): of the rows with a value, the smallest or largest (event_time, offset) (S20).
// Words: count, event_time, offset, value; a string's bytes are the blob. Nothing: null.
#ifndef FOREBAY_ENGINE_AGGREGATE_FIRST_LAST_H_
#define FOREBAY_ENGINE_AGGREGATE_FIRST_LAST_H_

#include "engine/aggregate/aggregate.h"

namespace forebay {

AggregateFunctions FirstFunctions(DataType argument);
AggregateFunctions LastFunctions(DataType argument);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_FIRST_LAST_H_
