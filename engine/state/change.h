// One step of one key, as every sink gets it: beside the values of its features.
#ifndef FOREBAY_ENGINE_STATE_CHANGE_H_
#define FOREBAY_ENGINE_STATE_CHANGE_H_

#include <cstdint>

#include "engine/state/change_op.h"
#include "engine/state/key.h"

namespace forebay {

// Times in microseconds UTC.
struct Change {
  HashedKey key;
  int64_t effective_time;
  int64_t event_time;
  int64_t known_time;
  ChangeOp op;
  int64_t offset;   // of the record that the step was written with
  int32_t ordinal;  // among the steps of that offset
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_CHANGE_H_
