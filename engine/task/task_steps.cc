// Which steps of a key become change records, and when its expiry steps are made.
//
//   every step   made one by one: before the key's next event, or when the clock has passed them
//   emitted      (S12) made as late, and summed up at the multiples of an interval
//   none         nobody looks: made all at once with the key's next event; a timer only finds the
//                keys whose last tile has left
#include <algorithm>
#include <optional>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "engine/task/task.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

// The multiple of `step` at or after `t`.
int64_t CeilingTo(int64_t t, int64_t step) { return FloorTo(t + step - 1, step); }

// How many steps Task::Expire would make of the state, with boundaries up to `clock`.
int64_t StepsUntil(KeyState* state, int64_t clock) {
  int64_t steps = 0;
  for (; state->live() && state->next_boundary() <= clock; ++steps) state->Expire();
  return steps;
}

// How many change records Task::EmitBefore would make of it.
int64_t EmissionsBefore(KeyState* state, const ViewPlan& plan, int64_t t) {
  int64_t made = 0;
  while (true) {
    int64_t boundary = state->next_boundary();
    int64_t emission =
        state->unemitted() ? CeilingTo(state->last_effective(), plan.emit_every()) : Timers::kNone;
    if (std::min(boundary, emission) >= t) return made;
    if (emission < boundary) {
      state->SetEmitted();
      ++made;
      continue;
    }
    state->AdvanceTo(std::min(CeilingTo(boundary, plan.emit_every()), t - 1));
    state->SetUnemitted(ChangeOp::kExpire, state->last_effective());
  }
}

}  // namespace

// When a key whose steps are wanted is to be looked at, or one that is not live. A key keeps its
// last effective time after a delete until the clock has passed it (S5): then it is forgotten.
int64_t Task::TimerOf(const ViewTaskPlan& plan, const KeyTimes& times) {
  if (plan.steps == Steps::kEmitted) {
    // A record at k is due once the clock is past k.
    int64_t every = plan.tiles.emit_every();
    if (times.unemitted) return CeilingTo(times.last_effective, every) + 1;
    if (times.live && times.next_boundary != Window::kNever)
      return CeilingTo(times.next_boundary, every) + 1;
  }
  return times.live ? times.next_boundary : times.last_effective + 1;
}

int64_t Task::TimerOf(const ViewTask& view, const HotEntry& entry) {
  const ViewTaskPlan& plan = view.plan;
  if (!entry.exists) return Timers::kNone;
  if (plan.steps == Steps::kNone && entry.state.live()) return entry.state.End();
  return TimerOf(plan, entry.state.times());
}

void Task::SetTimer(ViewTask* view, HotEntry* entry, int64_t timer_before) {
  int64_t timer = TimerOf(*view, *entry);
  if (timer != timer_before) view->timers.Set(entry->key(), timer);
}

// Makes the key's steps before one that is effective at `effective`. Returns the time that its
// timer is set to afterwards.
int64_t Task::MakeStepsBefore(ViewTask* view, HotEntry* entry, int64_t effective) {
  switch (view->plan.steps) {
    case Steps::kNone:
      return Timers::kNone;  // they are made
    case Steps::kEvery:
      while (entry->state.next_boundary() < effective) Expire(view, entry);
      return TimerOf(*view, *entry);
    case Steps::kEmitted: {
      int64_t timer = TimerOf(*view, *entry);
      EmitBefore(view, entry, effective);
      return timer;
    }
  }
  return Timers::kNone;
}

// The event step of a key is made.
void Task::AfterEvent(ViewTask* view, HotEntry* entry, int64_t timer_before, int64_t known_time) {
  view->hot.MarkDirty(entry);
  switch (view->plan.steps) {
    case Steps::kNone:
      if (entry->has_timer) return;
      entry->has_timer = true;
      SetTimer(view, entry, timer_before);
      return;
    case Steps::kEvery:
      SetTimer(view, entry, timer_before);
      AddStep(view, entry, ChangeOp::kEvent, entry->state.last_effective(), known_time);
      return;
    case Steps::kEmitted:
      entry->state.SetUnemitted(ChangeOp::kEvent, known_time);
      SetTimer(view, entry, timer_before);
      return;
  }
}

// Makes the step at the key's next boundary.
void Task::Expire(ViewTask* view, HotEntry* entry) {
  int64_t timer = TimerOf(*view, *entry);
  view->outlet.BeforeExpiry(*entry);
  entry->state.Expire();
  entry->exists = entry->state.live() || clock_ <= entry->state.last_effective();
  view->hot.MarkDirty(entry);
  SetTimer(view, entry, timer);
  int64_t boundary = entry->state.last_effective();
  AddStep(view, entry, entry->state.live() ? ChangeOp::kExpire : ChangeOp::kDelete, boundary,
          boundary);
}

// Makes the steps and the change records before `t`, in the order of their times.
void Task::EmitBefore(ViewTask* view, HotEntry* entry, int64_t t) {
  const int64_t every = view->plan.tiles.emit_every();
  KeyState& state = entry->state;
  while (true) {
    int64_t boundary = state.next_boundary();
    int64_t emission = state.unemitted() ? CeilingTo(state.last_effective(), every) : Timers::kNone;
    if (std::min(boundary, emission) >= t) return;
    view->hot.MarkDirty(entry);
    if (emission < boundary) {
      AddStep(view, entry, state.last_op(), emission, state.last_known_time());
      state.SetEmitted();
      continue;
    }
    state.AdvanceTo(std::min(CeilingTo(boundary, every), t - 1));
    state.SetUnemitted(state.live() ? ChangeOp::kExpire : ChangeOp::kDelete,
                       state.last_effective());
  }
}

// Of each view for itself: what a view writes when does not depend on the others (S4).
absl::Status Task::WriteDueSteps(ViewTask* view) {
  Timer timer;
  for (int steps = 0; steps < kStepsPerRecord && view->timers.PopDue(clock_, &timer);) {
    PrefetchDueSteps(view);
    ASSIGN_OR_RETURN(HotEntry * entry, Load(view, timer));
    view->hot.BeforeChange(entry);
    SpinLockHolder lock(&entry->lock);
    if (WriteDue(view, timer, entry)) ++steps;
  }
  return absl::OkStatus();
}

// Does what a timer was set for; false: it is not to be counted.
bool Task::WriteDue(ViewTask* view, const Timer& timer, HotEntry* entry) {
  if (view->plan.steps == Steps::kNone) {
    Forget(view, timer, entry);
    return true;
  }
  if (TimerOf(*view, *entry) != timer.time) return false;  // it has moved
  if (view->plan.steps == Steps::kEvery && entry->state.live()) {
    Expire(view, entry);
    return true;
  }
  int64_t before = view->steps;
  if (view->plan.steps == Steps::kEmitted) EmitBefore(view, entry, timer.time);
  Forget(view, timer, entry);
  return view->steps > before;
}

// Drops the key if nothing of it is needed any more, else sets its timer anew.
void Task::Forget(ViewTask* view, const Timer& timer, HotEntry* entry) {
  if (!entry->exists) {  // erased
    entry->has_timer = false;
    return;
  }
  if (view->plan.steps == Steps::kNone) entry->state.AdvanceTo(clock_);
  entry->exists =
      entry->state.live() || entry->state.unemitted() || clock_ <= entry->state.last_effective();
  if (entry->exists) {
    view->timers.Set(timer.key.bytes, TimerOf(*view, *entry));
  } else {
    entry->has_timer = false;
    view->hot.MarkDirty(entry);
  }
}

std::vector<DueSteps> Task::CountDueSteps(size_t most_keys) const {
  std::vector<DueSteps> due;
  for (const auto& view : views_) {
    if (view->plan.steps == Steps::kNone) continue;
    const size_t keys = view->timers.DueCount(clock_);
    if (keys == 0) continue;
    DueSteps& of_view = due.emplace_back();
    of_view.view = view->plan.view;
    of_view.at_least = keys > most_keys;
    absl::flat_hash_set<std::string_view> seen;
    view->timers.ForEachDue(clock_, [&](int64_t time, std::string_view key) {
      if (seen.size() == most_keys) return false;
      if (seen.insert(key).second) of_view.steps += CountDueSteps(*view, key, time);
      return true;
    });
    if (of_view.at_least) of_view.steps += static_cast<int64_t>(keys - most_keys);
    if (of_view.steps == 0) due.pop_back();
  }
  return due;
}

// Of a key that has a timer at `timer`; 0: it has moved it since.
int64_t Task::CountDueSteps(const ViewTask& view, std::string_view key, int64_t timer) const {
  std::optional<std::string> bytes;
  bool hot = view.hot.Read(HashedKey(key), [&](const HotEntry& entry) {
    if (entry.exists) entry.state.Encode(&bytes.emplace());
  });
  if (!hot) bytes = store_->Get(view.prefix + std::string(key)).value_or(std::nullopt);
  if (!bytes) return 0;
  absl::StatusOr<KeyState> state = KeyState::Decode(view.plan.tiles, *bytes);
  if (!state.ok() || TimerOf(view.plan, state->times()) != timer) return 0;
  return view.plan.steps == Steps::kEvery ? StepsUntil(&*state, clock_)
                                          : EmissionsBefore(&*state, view.plan.tiles, clock_);
}

void Task::AddStep(ViewTask* view, HotEntry* entry, ChangeOp op, int64_t effective,
                   int64_t known_time) {
  ++view->steps;
  view->last_row = Offset(offset_);
  view->outlet.Add(entry, {.key = {entry->key(), entry->hash},
                           .effective_time = effective,
                           .event_time = entry->state.event_time(),
                           .known_time = known_time,
                           .op = op,
                           .offset = offset_,
                           .ordinal = view->next_ordinal++});
}

}  // namespace forebay
