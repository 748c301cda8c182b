#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "engine/task/task.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

void SetValues(const v1::FeatureView& view, absl::Span<const Scalar> features, ViewRow* row) {
  row->values.reserve(features.size());
  for (size_t i = 0; i < features.size(); ++i) {
    row->values.push_back(
        ToValue(features[i], static_cast<DataType>(view.features(static_cast<int>(i)).type())));
  }
}

// finalize(state, max(at, L)) (S7); not found once every window is empty at that time.
void ReadState(const ViewTaskPlan& plan, const KeyState& state, int64_t at, ViewRow* row) {
  int64_t t = std::max(at, state.last_effective());
  row->at = KnownTime(t);
  if (!state.LiveAt(t)) return;
  row->found = true;
  row->effective_time = EffectiveTime(state.LastStep(t));
  row->event_time = EventTime(state.event_time());
  absl::InlinedVector<Scalar, 32> features(plan.tiles.feature_count());
  Finalizer finalizer(plan.tiles);
  finalizer.Finalize(state, t, features.data());
  SetValues(*plan.definition, features, row);
}

}  // namespace

absl::StatusOr<ViewRow> Task::Lookup(int view, std::string_view key,
                                     std::optional<KnownTime> at) const {
  auto found = std::find_if(views_.begin(), views_.end(),
                            [&](const auto& candidate) { return candidate->plan.view == view; });
  if (found == views_.end()) return absl::InternalError("lookup of a view that is not this task's");
  const ViewTask& task = **found;
  ViewRow row;
  int64_t clock = task.clock.load(std::memory_order_acquire);
  int64_t t = at ? at->value() : clock;
  row.at = KnownTime(t);
  bool hot = task.hot.Read(HashedKey(key), [&](const HotEntry& entry) {
    if (entry.exists && entry.state.live()) ReadState(task.plan, entry.state, t, &row);
  });
  if (!hot) {
    ASSIGN_OR_RETURN(std::optional<std::string> bytes, store_->Get(task.prefix + std::string(key)));
    if (bytes) {
      ASSIGN_OR_RETURN(KeyState state, KeyState::Decode(task.plan.tiles, *bytes));
      if (state.live()) ReadState(task.plan, state, t, &row);
    }
  }
  if (!row.found) SetValues(*task.plan.definition, task.plan.tiles.defaults(), &row);
  return row;
}

}  // namespace forebay
