// How much a join read.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_JOIN_READS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_JOIN_READS_H_

#include <cstdint>

namespace forebay {

// What was read of the files, for their owner to see that little was.
struct JoinReads {
  int64_t rows = 0;  // whose keys and times were read
  int64_t row_groups = 0;
  int64_t newer = 0;         // row groups left out: no label is so late
  int64_t of_no_label = 0;   // likewise: no label has a key of theirs
  int64_t bytes = 0;         // of the columns read, as they are in the files
  int64_t bytes_in_all = 0;  // of all columns and row groups
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_JOIN_READS_H_
