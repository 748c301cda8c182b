// A step of a key as text: by it the places that hold the step are compared, and shown to people.
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_STEP_TEXT_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_STEP_TEXT_H_

#include <cstdint>
#include <string>

#include "engine/aggregate/aggregate.h"
#include "engine/state/change.h"
#include "schemas/types/strong_int.h"

namespace forebay {

namespace v1 {
class FeatureView;
}

// Times in microseconds UTC. Of a tombstone, `event_time` and `known_time` are not known: 0.
struct StepText {
  ChangeOp op = ChangeOp::kEvent;
  int64_t effective_time = 0;
  int64_t event_time = 0;
  int64_t known_time = 0;
  Offset offset{-1};
  int32_t ordinal = 0;
  std::string features;  // FeatureTexts; of a delete: empty

  bool live() const { return op != ChangeOp::kDelete; }
  bool operator==(const StepText&) const = default;
};

// The features' values as JSON, one a line. Equal bits give equal text, other bits another, but for
// bytes of strings that are not UTF-8. `features`: one per feature of the view.
std::string FeatureTexts(const v1::FeatureView& view, const Scalar* features);

StepText StepTextOf(const v1::FeatureView& view, const Change& change, const Scalar* features);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_STEP_TEXT_H_
