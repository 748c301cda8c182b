// Where the steps of one view of a task go: to the parts of the sinks that want them, with the
// features that the key's state has at that moment. What no sink wants costs nothing.
//
//   outlet.Connect(output);                         // one that begins
//   outlet.Add(entry, change);                      // each step, once the state has made it
//   outlet.GiveNewest(WantedSteps::Which::kNewestOfCut);
//
// Not thread-safe.
#ifndef FOREBAY_ENGINE_TASK_STEP_OUTLET_H_
#define FOREBAY_ENGINE_TASK_STEP_OUTLET_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "engine/batch/sink.h"
#include "engine/state/change.h"
#include "engine/state/hot_map.h"
#include "engine/state/key_state.h"
#include "engine/task/newest_steps.h"
#include "engine/task/task_plan.h"

namespace forebay {

class StepOutlet {
 public:
  // `plan` outlives it.
  explicit StepOutlet(const ViewTaskPlan& plan);

  // To the parts of an output that begins. REQUIRES: no step waits.
  void Connect(const TaskOutput& output);

  // A step of the entry's key, which its state has just made.
  void Add(HotEntry* entry, const Change& change);

  // The entry's next step is one of expiry: it may be wanted by nobody.
  void BeforeExpiry(const HotEntry& entry) {
    if (!newest_taker_.wanted.expiry) newest_.Keep(entry, &finalizer_);
  }

  // Gives the newest step of each key to the sink that wants it now.
  void GiveNewest(WantedSteps::Which which);

  size_t bytes() const { return newest_.bytes(); }
  // Since construction: records of the view's update topic, and steps that have none since a newer
  // one of their key took their place.
  int64_t updates() const { return updates_; }
  int64_t coalesced() const { return newest_.coalesced(); }

 private:
  struct Taker {
    SinkPart* part = nullptr;
    WantedSteps wanted = {};
  };

  void GiveEvery(const HotEntry& entry, const Change& change);

  const int view_;
  const bool emits_;
  const bool updates_on_every_step_;
  const bool updates_on_expiry_;
  const ViewPlan& tiles_;
  Finalizer finalizer_;
  std::vector<Scalar> features_;  // scratch
  std::vector<Taker> every_;
  bool every_expiry_ = false;  // any of them takes steps of expiry
  Taker newest_taker_;         // at most one sink wants the newest only
  NewestSteps newest_;
  int64_t updates_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_STEP_OUTLET_H_
