// The state of one key under one view: its tiles, and the times that its steps hang on.
//
//   int64_t e = state.NextEffective(plan, clock);        // when an event applied now is effective
//   if (!state.Takes(plan, event_time, e)) ...           // late
//   while (state.next_boundary() <= ...) state.Expire(plan);
//   state.Apply(plan, event, e);
//   Finalizer(plan).Finalize(state, t)                   // the features at t: a pure function
//
// Times are int64 microseconds UTC. Not thread-safe. Deterministic: equal calls give equal bytes
// from Encode(). Layout of those bytes: docs/formats/state.md.
#ifndef FOREBAY_ENGINE_STATE_KEY_STATE_H_
#define FOREBAY_ENGINE_STATE_KEY_STATE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/aggregate/aggregate.h"
#include "engine/expression/vector.h"
#include "engine/state/view_plan.h"

namespace forebay {

// The columns that one aggregate of a view reads, evaluated over a batch.
struct AggregateColumns {
  const Vector* argument = nullptr;  // nullptr: count(*)
  const Vector* filter = nullptr;    // nullptr: all events
};

// One event: row `row` of the columns, which are parallel to FeatureView.aggregates.
struct EventRow {
  int64_t event_time = 0;
  int64_t offset = 0;
  int64_t row = 0;
  absl::Span<const AggregateColumns> columns;
};

class KeyState {
 public:
  explicit KeyState(const ViewPlan& plan) : levels_(plan.levels().size()) {}

  // Whether the key has a value: false before its first event and after a delete step.
  bool live() const { return live_; }
  // L: when the key's last step took effect; kAlways before the first.
  int64_t last_effective() const { return last_effective_; }
  // The largest event time applied since the key (re)appeared.
  int64_t event_time() const { return event_time_; }
  // The next time at which a tile enters or leaves a window; kNever: none.
  int64_t next_boundary() const { return next_boundary_; }

  // When a step made at partition clock `clock` would be effective, once the expiry steps due
  // before it are made (S5).
  int64_t NextEffective(const ViewPlan& plan, int64_t clock) const;

  // Whether some window takes an event of `event_time` by a step effective at `effective` (S8).
  static bool Takes(const ViewPlan& plan, int64_t event_time, int64_t effective);

  // Adds the event to the tiles of the windows that take it. REQUIRES: Takes(), no boundary at or
  // before `effective` is left, effective > last_effective().
  void Apply(const ViewPlan& plan, const EventRow& event, int64_t effective);

  // Makes the step at next_boundary(): drops what no window can hold again. Afterwards live() says
  // whether the step was a delete. REQUIRES: next_boundary() != kNever.
  void Expire(const ViewPlan& plan);

  // Whether some window holds, or waits for, a tile at `t`: past the last boundary the key is gone,
  // even if its delete step is yet to be made. REQUIRES: t >= last_effective().
  bool LiveAt(const ViewPlan& plan, int64_t t) const;

  // When the step in force at `t` took effect, expiry steps that are due but not made yet included.
  int64_t LastStep(const ViewPlan& plan, int64_t t) const;

  void Encode(const ViewPlan& plan, std::string* bytes) const;
  // DATA_LOSS for bytes that Encode does not make.
  static absl::StatusOr<KeyState> Decode(const ViewPlan& plan, std::string_view bytes);
  // Only the time of the key's timer, without the tiles: next_boundary(), or, of a key that is not
  // live, the first moment after last_effective(), when it can be forgotten.
  static absl::StatusOr<int64_t> DecodeNextBoundary(std::string_view bytes);

  size_t TileCount(const ViewPlan& plan, size_t level) const {
    return levels_[level].words.size() / plan.levels()[level].words;
  }

  // Bytes held, itself included.
  size_t MemoryBytes() const;

 private:
  friend class Finalizer;

  // The tiles of one level, ascending by start, each TileLevel.words and .blobs long.
  struct Tiles {
    std::vector<Word> words;
    std::vector<std::string> blobs;
  };

  size_t FindOrAddTile(const ViewPlan& plan, int level, int64_t start, int64_t effective);
  template <typename Visit>
  void ForEachBoundary(const ViewPlan& plan, Visit visit) const;
  int64_t NextBoundaryAfter(const ViewPlan& plan, int64_t t) const;

  bool live_ = false;
  int64_t last_effective_ = Window::kAlways;
  int64_t event_time_ = Window::kAlways;
  int64_t next_boundary_ = Window::kNever;
  std::vector<Tiles> levels_;  // parallel to ViewPlan.levels
};

// finalize(state, t), and the room it needs to merge tiles; one per thread.
class Finalizer {
 public:
  explicit Finalizer(const ViewPlan& plan)
      : plan_(plan),
        words_(plan.scratch_words()),
        blobs_(plan.scratch_blobs()),
        features_(plan.feature_count()) {}

  // The features at `t`, one per feature of the view. Tiles are merged oldest first (S23). The
  // result is valid until the next call or a change of the state. REQUIRES: t >=
  // state.last_effective().
  absl::Span<const Scalar> Finalize(const KeyState& state, int64_t t);

 private:
  void FinalizeWindow(const WindowPlan& window, const KeyState& state, int64_t t);

  const ViewPlan& plan_;
  std::vector<Word> words_;
  std::vector<std::string> blobs_;
  std::vector<Scalar> features_;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_KEY_STATE_H_
