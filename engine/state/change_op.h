// What made a step of a key's values: the `_op` of change records.
#ifndef FOREBAY_ENGINE_STATE_CHANGE_OP_H_
#define FOREBAY_ENGINE_STATE_CHANGE_OP_H_

#include <cstdint>

namespace forebay {

enum class ChangeOp : uint8_t {
  kEvent,   // an event applied
  kExpire,  // a tile entered or left a window
  kDelete,  // the last one left
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_CHANGE_OP_H_
