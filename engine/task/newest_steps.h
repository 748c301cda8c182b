// Of the steps of a view since the last cut, the newest of each key: what is published where not
// every step is (S36).
//
//   newest.Add(entry, change);                  // for each step, once the state has made it
//   newest.Keep(entry, &finalizer);             // before the state changes without a step
//   newest.Drain(&finalizer, [&](const Change& change, const Scalar* features) { ... });
//
// The features of a step are read off the key's state when they are asked for, so that steps which
// newer ones take the place of cost next to nothing. Not thread-safe.
#ifndef FOREBAY_ENGINE_TASK_NEWEST_STEPS_H_
#define FOREBAY_ENGINE_TASK_NEWEST_STEPS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "engine/aggregate/aggregate.h"
#include "engine/state/change.h"
#include "engine/state/hot_map.h"
#include "engine/state/key_state.h"
#include "engine/state/view_plan.h"

namespace forebay {

class NewestSteps {
 public:
  explicit NewestSteps(const ViewPlan& plan) : plan_(plan), features_(plan.feature_count()) {}

  // A step of the entry's key, after those of earlier calls. The entry stays where it is until
  // Drain.
  void Add(HotEntry* entry, const Change& change);

  // The key's step, if it has one, keeps the features that it has now.
  void Keep(const HotEntry& entry, Finalizer* finalizer);

  // Visits the newest step of each key, in the order in which they were added, and forgets all.
  void Drain(Finalizer* finalizer,
             absl::FunctionRef<void(const Change& change, const Scalar* features)> visit);

  // About what it takes in memory.
  size_t bytes() const { return steps_.size() * sizeof(Step) + kept_bytes_; }
  // Steps that a newer one of their key took the place of, since construction.
  int64_t coalesced() const { return coalesced_; }

 private:
  struct Kept {
    std::vector<Scalar> features;
    std::string texts;  // that they point to
  };
  struct Step {
    Change change;
    HotEntry* entry;
    std::unique_ptr<Kept> kept;
  };

  // Whether no later one has taken the place of that step.
  bool IsNewest(size_t step) const { return steps_[step].entry->step == step + 1; }
  const Scalar* FeaturesOf(const Step& step, Finalizer* finalizer);

  const ViewPlan& plan_;
  std::vector<Step> steps_;
  std::vector<Scalar> features_;  // scratch
  size_t kept_bytes_ = 0;
  int64_t coalesced_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_NEWEST_STEPS_H_
