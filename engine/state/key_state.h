// The state of one key under one view: its tiles, and the times that its steps hang on.
//
//   int64_t e = state.NextEffective(clock);             // when an event applied now is effective
//   if (!tiles.Taken(e)) ...                            // late
//   while (state.next_boundary() < e) state.Expire();
//   state.Apply(event, e);
//   Finalizer(plan).Finalize(state, t)                  // the features at t: a pure function
//
// Where nobody wants the steps one by one, Advance() takes the place of NextEffective and Expire.
//
// All tiles lie in one block of words, so a key costs one allocation, and an event touches the
// newest tile of each level. Times are int64 microseconds UTC. Not thread-safe. Deterministic:
// equal calls give equal bytes from Encode(). Layout of those bytes: docs/formats/state.md.
#ifndef FOREBAY_ENGINE_STATE_KEY_STATE_H_
#define FOREBAY_ENGINE_STATE_KEY_STATE_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/aggregate/aggregate.h"
#include "engine/expression/vector.h"
#include "engine/state/change_op.h"
#include "engine/state/view_plan.h"
#include "schemas/types/prefetch.h"

namespace forebay {

// One input of a view (ViewPlan.inputs), evaluated over a batch.
struct InputColumn {
  const Vector* argument = nullptr;  // nullptr: count(*)
  // One byte a row, 1: the filter is true, and the argument neither null nor NaN. nullptr: all are.
  const uint8_t* reads = nullptr;

  bool Reads(int64_t row) const { return reads == nullptr || reads[row] != 0; }
};

// The tile of each level that an event belongs to. Divides only where it differs from the last
// event's.
class TileStarts {
 public:
  explicit TileStarts(const ViewPlan& plan) : plan_(plan), starts_(plan.levels().size()) {}

  void MoveTo(int64_t event_time);
  int64_t operator[](size_t level) const { return starts_[level]; }

  // Whether some window takes the event by a step effective at `effective` (S8).
  bool Taken(int64_t effective) const;

 private:
  const ViewPlan& plan_;
  std::vector<int64_t> starts_;
};

// One event: row `row` of the columns, which are parallel to ViewPlan.inputs.
struct EventRow {
  int64_t event_time = 0;
  int64_t offset = 0;
  int64_t row = 0;
  absl::Span<const InputColumn> columns;
  const TileStarts* tiles = nullptr;  // moved to event_time
};

// What the timer of a key hangs on.
struct KeyTimes {
  bool live = false;
  bool unemitted = false;
  int64_t last_effective = Window::kAlways;
  int64_t next_boundary = Window::kNever;
};

class KeyState {
 public:
  explicit KeyState(const ViewPlan& plan) : plan_(&plan) {}  // which outlives the state
  KeyState(KeyState&& other) noexcept { *this = std::move(other); }
  KeyState& operator=(KeyState&& other) noexcept;
  ~KeyState() { Clear(); }

  // Whether the key has a value: false before its first event and after a delete step.
  bool live() const { return live_; }
  // L: when the key's last step took effect; kAlways before the first.
  int64_t last_effective() const { return last_effective_; }
  // The largest event time applied since the key (re)appeared.
  int64_t event_time() const { return event_time_; }
  // The next time at which a tile enters or leaves a window; kNever: none.
  int64_t next_boundary() const { return next_boundary_; }

  KeyTimes times() const { return {live_, unemitted(), last_effective_, next_boundary_}; }

  // When a step made at partition clock `clock` would be effective, once the expiry steps due
  // before it are made (S5).
  int64_t NextEffective(int64_t clock) const;

  // The same for a key whose steps nobody wants to see. Most are left unmade until their tiles are
  // in the way.
  int64_t Advance(int64_t clock);
  // Makes all steps due at or before `t`.
  void AdvanceTo(int64_t t) {
    if (next_boundary_ <= t) StepTo(t);
  }

  // Its steps are effective after `t`. REQUIRES: none was made yet.
  void StartAfter(int64_t t) { last_effective_ = std::max(last_effective_, t); }

  // Adds the event to the tiles of the windows that take it. REQUIRES: it is taken, no boundary at
  // or before `effective` is left, effective > last_effective().
  void Apply(const EventRow& event, int64_t effective);

  // Makes the step at next_boundary(): drops what no window can hold again. Afterwards live() says
  // whether the step was a delete. REQUIRES: next_boundary() != kNever.
  void Expire() { StepTo(next_boundary_); }

  // S12, only of views that emit: the last step, until the change record that stands for it is
  // made.
  bool unemitted() const { return unemitted_ != 0; }
  ChangeOp last_op() const { return static_cast<ChangeOp>(unemitted_ - 1); }
  int64_t last_known_time() const { return static_cast<int64_t>(words_[plan_->count_words()]); }
  void SetUnemitted(ChangeOp op, int64_t known_time);
  void SetEmitted() { unemitted_ = 0; }

  // Whether some window holds, or waits for, a tile at `t`: past the last boundary the key is gone,
  // even if its delete step is yet to be made. REQUIRES: t >= last_effective().
  bool LiveAt(int64_t t) const;

  // When the last tile leaves the last window; kNever: no time. REQUIRES: live().
  int64_t End() const;

  // When the step in force at `t` took effect, expiry steps that are due but not made yet included.
  int64_t LastStep(int64_t t) const;

  void Encode(std::string* bytes) const;
  // DATA_LOSS for bytes that Encode does not make.
  static absl::StatusOr<KeyState> Decode(const ViewPlan& plan, std::string_view bytes);
  // Only the times, without the tiles. DATA_LOSS likewise, as far as it looks.
  static absl::StatusOr<KeyTimes> DecodeTimes(std::string_view bytes);
  // End() of a live key, without a copy of its tiles.
  static absl::StatusOr<int64_t> DecodeEnd(const ViewPlan& plan, std::string_view bytes);

  size_t TileCount(size_t level) const { return words_ == nullptr ? 0 : counts()[level]; }

  // Bytes held, itself excluded; and those of them that the block of tiles takes.
  size_t MemoryBytes() const;
  size_t BlockBytes() const { return capacity_ * sizeof(Word); }

  // A hint that an event of this key comes soon.
  void Prefetch() const {
    constexpr size_t kLine = 8;  // words
    for (size_t at = 0; at < std::min<size_t>(size_, 16 * kLine); at += kLine)
      forebay::Prefetch(words_ + at);
  }

 private:
  friend class Finalizer;

  // The first words of the block: how many tiles each level has.
  const uint32_t* counts() const { return reinterpret_cast<const uint32_t*>(words_); }
  uint32_t* counts() { return reinterpret_cast<uint32_t*>(words_); }

  // The last boundary at or before a time, and the first after it.
  struct Boundaries {
    int64_t last = Window::kAlways;
    int64_t next = Window::kNever;

    void Add(const Boundaries& other) {
      last = std::max(last, other.last);
      next = std::min(next, other.next);
    }
  };

  // visit(level, its tiles: first word and one past the last).
  template <typename Visit>
  void ForEachLevel(Visit visit) const;
  void Reserve(size_t words);
  Word* MakeRoom(size_t level, int64_t effective);
  Word* InsertTile(size_t level, Word* first, int64_t start, int64_t effective);
  void Resize(size_t capacity);
  void StepTo(int64_t t);
  static Boundaries BoundariesOf(const TileLevel& level, const Word* first, const Word* last,
                                 int64_t t);
  Boundaries BoundariesAround(int64_t t) const;
  void Clear();

  const ViewPlan* plan_ = nullptr;
  Word* words_ = nullptr;  // null: no tiles yet
  uint32_t size_ = 0;      // words in use
  uint32_t capacity_ = 0;
  int64_t last_effective_ = Window::kAlways;
  int64_t event_time_ = Window::kAlways;
  int64_t next_boundary_ = Window::kNever;
  bool live_ = false;
  uint8_t unemitted_ = 0;  // 0, or 1 + ChangeOp
};

template <typename Visit>
void KeyState::ForEachLevel(Visit visit) const {
  if (words_ == nullptr) return;
  const Word* first = words_ + plan_->head_words();
  const uint32_t* count = counts();
  for (const TileLevel& level : plan_->levels()) {
    const Word* last = first + size_t{*count++} * static_cast<size_t>(level.words);
    visit(level, first, last);
    first = last;
  }
}

// finalize(state, t), and the room it needs to merge tiles. Not thread-safe.
class Finalizer {
 public:
  explicit Finalizer(const ViewPlan& plan)
      : plan_(plan), words_(plan.scratch_words()), blobs_(plan.scratch_blobs()) {}

  // Sets the features at `t`, one per feature of the view. Tiles are merged oldest first (S23).
  // Texts are valid until the next call or a change of the state. REQUIRES: t >=
  // state.last_effective().
  void Finalize(const KeyState& state, int64_t t, Scalar* features);

 private:
  void FinalizeWindow(const WindowPlan& window, const TileLevel& level, const Word* first,
                      size_t count, int64_t t, Scalar* features);
  void FinalizePartial(const WindowPlan& window, const PartialPlan& partial, const TileSlot& slot,
                       const PartialRun& tiles, Scalar* features);
  void SetDefaults(const WindowPlan& window, Scalar* features) const;

  // Inline for views of ordinary size: a lookup makes a finalizer without an allocation.
  const ViewPlan& plan_;
  absl::InlinedVector<Word, 64> words_;
  absl::InlinedVector<std::string, 4> blobs_;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_KEY_STATE_H_
