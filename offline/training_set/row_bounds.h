// A prefix of a table's rows: those that it had when its tasks stood at certain positions, whatever
// files they are in since.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_ROW_BOUNDS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_ROW_BOUNDS_H_

#include <cstdint>
#include <map>

namespace forebay {

// By _source_partition: the _source_offset from which on rows do not count. Of partitions that are
// not named, no row does.
using RowBounds = std::map<int32_t, int64_t>;

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_ROW_BOUNDS_H_
