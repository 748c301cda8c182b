#include "engine/task/stored_state.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/state/key.h"
#include "engine/state/key_state.h"
#include "engine/task/change_builder.h"
#include "engine/task/stored_views.h"
#include "forebay/v1/definition.pb.h"
#include "forebay/v1/state.pb.h"
#include "schemas/definition/view_fingerprint.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

void AppendRow(const ViewTaskPlan& plan, const KeyState& state, const HashedKey& key, int64_t at,
               Finalizer* finalizer, ChangeBuilder* rows) {
  const bool live = state.live() && state.LiveAt(at);
  std::vector<Scalar> features = plan.tiles.defaults();
  if (live) finalizer->Finalize(state, at, features.data());
  rows->Append({key, at, state.event_time(), at, live ? ChangeOp::kExpire : ChangeOp::kDelete,
                /*offset=*/-1, /*ordinal=*/0},
               features.data());
}

}  // namespace

StoredState::StoredState(const TaskPlan& plan, TaskId task, std::unique_ptr<StateStore> store)
    : plan_(&plan),
      task_(std::move(task)),
      store_(std::move(store)),
      meta_(std::make_unique<v1::TaskMeta>()) {}

StoredState::StoredState(StoredState&&) noexcept = default;
StoredState::~StoredState() = default;

absl::StatusOr<StoredState> StoredState::Open(const TaskPlan& plan, TaskId task,
                                              std::unique_ptr<StateStore> store) {
  StoredState state(plan, std::move(task), std::move(store));
  ASSIGN_OR_RETURN(*state.meta_, ReadTaskMeta(*state.store_));
  const bool empty = state.meta_->format_version() == 0;
  if (!empty && state.meta_->format_version() != kStateFormat) {
    return absl::FailedPreconditionError(
        fmt::format("the state of {} has format {}, and this forebay reads {}: start a worker on "
                    "it, which says what to do",
                    state.task_.ToString(), state.meta_->format_version(), kStateFormat));
  }
  return state;
}

int StoredState::partition_count() const { return meta_->partition_count(); }

const ViewTaskPlan* StoredState::PlanOf(int view) const {
  auto is_it = [view](const ViewTaskPlan& plan) { return plan.view == view; };
  auto found = std::find_if(plan_->views.begin(), plan_->views.end(), is_it);
  return found == plan_->views.end() ? nullptr : &*found;
}

bool StoredState::Computes(int view) const { return PlanOf(view) != nullptr; }

absl::StatusOr<std::optional<StoredViewState>> StoredState::Find(int view) const {
  const ViewTaskPlan* plan = PlanOf(view);
  const v1::StoredView* stored = FindStoredView(*meta_, *plan->definition);
  if (stored == nullptr) return std::nullopt;
  if (stored->fingerprint() != plan->fingerprint) {
    return ChangedUnderVersion({stored->name(), stored->version()}, stored->fingerprint(),
                               plan->fingerprint, "the state of " + task_.ToString());
  }
  StoredViewState state{.position = Offset(stored->position()), .last_row = std::nullopt};
  if (stored->has_last_row()) state.last_row = Offset(stored->last_row());
  if (stored->has_clock_us()) state.clock = KnownTime(stored->clock_us());
  return state;
}

absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> StoredState::RowsAt(
    int view, absl::Span<const KeyAt> asked) const {
  const ViewTaskPlan& plan = *PlanOf(view);
  const std::string prefix = StoredPrefix(FindStoredView(*meta_, *plan.definition)->id());
  ChangeBuilder rows(*plan.definition, *plan.entity, plan.change_schema, task_.partition);
  Finalizer finalizer(plan.tiles);
  for (size_t first = 0, next = 0; first < asked.size(); first = next) {
    const std::string& key = asked[first].key;
    while (next < asked.size() && asked[next].key == key) ++next;
    ASSIGN_OR_RETURN(std::optional<std::string> bytes, store_->Get(prefix + key));
    if (!bytes) continue;
    ASSIGN_OR_RETURN(KeyState state, KeyState::Decode(plan.tiles, *bytes));
    if (!state.live() && !state.unemitted()) continue;
    for (const KeyAt& question : asked.subspan(first, next - first)) {
      if (question.at.value() >= state.last_effective())
        AppendRow(plan, state, HashedKey(key), question.at.value(), &finalizer, &rows);
    }
  }
  return rows.rows() == 0 ? nullptr : rows.Finish();
}

absl::Status StoredState::ForEachKey(
    int view, absl::FunctionRef<absl::Status(const StoredKey& key)> visit) const {
  const ViewTaskPlan& plan = *PlanOf(view);
  const std::string prefix = StoredPrefix(FindStoredView(*meta_, *plan.definition)->id());
  Finalizer finalizer(plan.tiles);
  std::vector<Scalar> features(plan.tiles.feature_count());
  return store_->Scan([&](std::string_view key, std::string_view bytes) -> absl::Status {
    if (!key.starts_with(prefix)) return absl::OkStatus();
    ASSIGN_OR_RETURN(KeyState state, KeyState::Decode(plan.tiles, bytes));
    return visit(StoredKey(key.substr(prefix.size()), state, &finalizer, &features));
  });
}

}  // namespace forebay
