// What the value of an update record is made of.
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_STEP_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_STEP_H_

#include "engine/aggregate/aggregate.h"
#include "engine/state/change.h"

namespace forebay {

struct UpdateStep {
  const Change& change;
  const Scalar* keys;      // one per key of the entity; none is null
  const Scalar* features;  // one per feature of the view
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_UPDATE_STEP_H_
