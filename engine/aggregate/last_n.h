// last_n(x, n): the values of the n rows with a value that are the newest by (event_time, offset),
// in the order of their time (S20). Nothing: null.
//
// The value is a list (list_value.h), as is a blob of the partial, so that to finalize costs
// nothing. Of the two blobs, both empty while there is nothing, the first says where each value of
// the second lies in time: one byte of form, 1, and per value 8 bytes of event time and 8 of
// offset, little endian, in increasing order. A tile keeps n values, since the newest n of a window
// are among those.
#ifndef FOREBAY_ENGINE_AGGREGATE_LAST_N_H_
#define FOREBAY_ENGINE_AGGREGATE_LAST_N_H_

#include "engine/aggregate/aggregate.h"

namespace forebay {

// REQUIRES of the calls: a parameter above 0, n.
AggregateFunctions LastNFunctions(DataType argument);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_AGGREGATE_LAST_N_H_
