// What a task does with a control record that asks for a key to be forgotten (S31).
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/state/key.h"
#include "engine/task/task.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {

// Those that come before the row, from number `*next` on.
absl::Status Task::ApplyErasures(const EventBatch& batch, size_t row, size_t* next) {
  for (; *next < batch.erasures.size() && batch.erasures[*next].before_row <= row; ++*next)
    RETURN_IF_ERROR(ApplyErasure(batch.erasures[*next]));
  return absl::OkStatus();
}

// It moves no clock, and is no record in the sense of S9.
absl::Status Task::ApplyErasure(const KeyErasure& erasure) {
  StepTo(order_ == nullptr ? erasure.offset : erasure.step_offset);
  AppliedErasure applied{.offset = erasure.offset, .entity = erasure.entity};
  bool is_past = true;  // its parts have it already
  for (auto& view : views_) {
    if (view->plan.entity->name() != erasure.entity || offset_ <= view->start.after.value())
      continue;
    is_past = false;
    ASSIGN_OR_RETURN(bool erased, EraseKey(view.get(), HashedKey(erasure.key)));
    applied.views += erased ? 1 : 0;
  }
  for (const Forward& forward : forwards_) {
    if (forward.plan->entity->name() != erasure.entity || offset_ <= forward.start.after.value())
      continue;
    is_past = false;
    RETURN_IF_ERROR(ForwardErasure(erasure, forward));
    applied.forwarded = true;
  }
  if (!is_past) output_.erasures.push_back(std::move(applied));
  return absl::OkStatus();
}

// Whether there was something to erase. The delete step is made at once, also where only those at
// multiples of an interval become change records.
absl::StatusOr<bool> Task::EraseKey(ViewTask* view, const HashedKey& key) {
  view->erased.emplace_back(key.bytes);  // what the store held of it once may still be on the disk
  ASSIGN_OR_RETURN(HotEntry * entry, Load(view, key));
  if (!entry->exists) return false;
  view->hot.BeforeChange(entry);
  SpinLockHolder lock(&entry->lock);
  KeyState& state = entry->state;
  // A view may be ahead of the task's clock, as long as no record has come that it lacks.
  const int64_t clock = std::max(clock_, view->start.clock);
  const int64_t effective =
      view->plan.steps == Steps::kNone ? state.Advance(clock) : state.NextEffective(clock);
  MakeStepsBefore(view, entry, effective);
  const bool has_value = state.live() || state.unemitted();  // as the change records have it
  if (has_value && view->plan.steps != Steps::kNone)
    AddStep(view, entry, ChangeOp::kDelete, effective, effective);
  view->erased_until = std::max(view->erased_until, has_value ? effective : state.last_effective());
  state = KeyState(view->plan.tiles);
  entry->exists = false;
  view->hot.MarkDirty(entry);
  return has_value;
}

absl::Status Task::ForwardErasure(const KeyErasure& erasure, const Forward& forward) {
  const v1::Entity& entity = *forward.plan->entity;
  ASSIGN_OR_RETURN(std::vector<Value> parts, DecodeKey(entity, erasure.key));
  std::string key = KeyText(entity, parts);
  if (key.size() > forward.plan->most_bytes) return absl::OkStatus();  // no record has it
  ForwardedRecord& forwarded = output_.forwarded.emplace_back();
  forwarded.entity = entity.name();
  forwarded.key = std::move(key);
  forwarded.timestamp = erasure.timestamp;
  forwarded.origin = {id_.partition, erasure.offset, KnownTime(clock_)};
  forwarded.erases = true;
  record_bytes_ += sizeof forwarded + forwarded.key.size();
  return absl::OkStatus();
}

}  // namespace forebay
