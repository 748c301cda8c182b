// How changed states come from the hot maps into a delta for the store, beside the events that go
// on changing them: a cut notes which entries have changed, and carries them bit by bit.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/task/task.h"
#include "schemas/types/status_macros.h"

namespace forebay {

// Sinks have taken all up to here: no step waits for an entry that may be evicted once this cut is
// durable.
void Task::CutState(CutOf of, std::vector<StateCut>* whole) {
  const bool at_once = of == CutOf::kStateAtOnce;
  if (at_once) AdvanceStateCut(SIZE_MAX);
  TakeWholeState(whole);
  if (of == CutOf::kOutputs) return;
  BeginStateCut();
  if (at_once) AdvanceStateCut(SIZE_MAX);
  TakeWholeState(whole);
}

void Task::TakeWholeState(std::vector<StateCut>* whole) {
  if (!std::exchange(state_cut_whole_, false)) return;
  whole->push_back(*std::exchange(state_cut_, std::nullopt));
}

void Task::BeginStateCut() {
  // While records are read again, nothing changes.
  bool restoring = order_ != nullptr && order_->restoring(position_);
  if (state_cut_ || position_ == cut_state_position_ || restoring) return;
  cut_state_position_ = position_;
  size_t bytes = 0;
  for (const auto& view : views_) bytes += view->hot.dirty_bytes();
  state_cut_ = StateCut{++state_cuts_, position_, store_->NewDelta(bytes)};
  state_cut_->delta->SetMeta(EncodeMeta());
  for (auto& view : views_) {
    for (const std::string& key : std::exchange(view->erased, {}))
      state_cut_->delta->Purge(view->prefix + key);
    view->hot.BeginCut(state_cuts_,
                       [this, of = view.get()](HotEntry& entry) { CarryEntry(*of, &entry); });
  }
}

void Task::CarryEntry(const ViewTask& view, HotEntry* entry) {
  if (view.plan.steps == Steps::kNone) {
    SpinLockHolder lock(&entry->lock);
    entry->state.AdvanceTo(entry->state.last_effective());
  }
  stored_key_.assign(view.prefix).append(entry->key());
  if (!entry->exists) return state_cut_->delta->Delete(stored_key_);
  entry->state.Encode(&stored_state_);
  state_cut_->delta->Put(stored_key_, stored_state_);
}

bool Task::AdvanceStateCut(size_t most_keys) {
  if (!state_cut_ || state_cut_whole_) return false;
  for (auto& view : views_) {
    most_keys -= view->hot.AdvanceCut(most_keys);
    if (most_keys == 0) return true;
  }
  for (; most_keys > 0 && !forgotten_.empty(); --most_keys) {
    state_cut_->delta->Delete(forgotten_.back());
    forgotten_.pop_back();
  }
  state_cut_whole_ = most_keys > 0;
  return !state_cut_whole_;
}

absl::Status Task::Commit(const TaskCut& cut) {
  for (const StateCut& state : cut.states) RETURN_IF_ERROR(store_->Commit(*state.delta));
  return absl::OkStatus();
}

bool Task::wants_state_cut() const {
  constexpr size_t kShare = 4;
  return std::any_of(views_.begin(), views_.end(), [this](const auto& view) {
    return !view->erased.empty() || view->hot.dirty_bytes() > hot_budget_ / kShare;
  });
}

void Task::Durable(uint64_t cut_number) {
  int64_t bytes = 0, keys = 0;
  for (auto& view : views_) {
    view->hot.Evict(cut_number, hot_budget_);
    view->timers.ForgetEntries();
    bytes += static_cast<int64_t>(view->hot.bytes());
    keys += static_cast<int64_t>(view->hot.size());
  }
  statistics_.hot_bytes.store(bytes, std::memory_order_relaxed);
  statistics_.hot_keys.store(keys, std::memory_order_relaxed);
}

}  // namespace forebay
