#include "engine/batch/event_batch.h"

namespace forebay {

std::string_view RejectReasonName(RejectReason reason) {
  switch (reason) {
    case RejectReason::kUndecodable:
      return "undecodable";
    case RejectReason::kBadEventTime:
      return "bad_event_time";
    case RejectReason::kBadKnownTime:
      return "bad_known_time";
    case RejectReason::kFuture:
      return "future";
    case RejectReason::kNullKey:
      return "null_key";
    case RejectReason::kLate:
      return "late";
  }
  return "unknown";
}

}  // namespace forebay
