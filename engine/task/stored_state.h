// What a task has stored, read without a task: for tools that answer as its lookups would.
//
//   ASSIGN_OR_RETURN(StoredState state, StoredState::Open(plan, task, std::move(store)));
//   std::optional<StoredViewState> view = state.Find(view_index);
//   rows = state.RowsAt(view_index, {{key, at}, ...});
#ifndef FOREBAY_ENGINE_TASK_STORED_STATE_H_
#define FOREBAY_ENGINE_TASK_STORED_STATE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/batch/event_batch.h"
#include "engine/state/key_state.h"
#include "engine/state/state_store.h"
#include "engine/task/task_plan.h"

namespace arrow {
class RecordBatch;
}

namespace forebay {

namespace v1 {
class TaskMeta;
}

// How far the stored state of a view goes.
struct StoredViewState {
  Offset position;                     // of the last record that counts in it
  std::optional<Offset> last_row;      // as LastRow.offset
  KnownTime clock = KnownTime::Min();  // the partition clock there; Min: undefined
};

struct KeyAt {
  std::string key;  // encoded (EncodeKey)
  KnownTime at;
};

// A key of a view as the state has it. Good during the call that it is given to.
class StoredKey {
 public:
  StoredKey(std::string_view key, const KeyState& state, Finalizer* finalizer,
            std::vector<Scalar>* features)
      : key_(key), state_(state), finalizer_(*finalizer), features_(*features) {}

  std::string_view key() const { return key_; }  // encoded
  const KeyState& state() const { return state_; }

  // What a lookup at `t` answers, one per feature; their texts are good until the next call.
  // REQUIRES: live, t >= last_effective() of the state.
  const Scalar* FeaturesAt(int64_t t) const {
    finalizer_.Finalize(state_, t, features_.data());
    return features_.data();
  }

 private:
  std::string_view key_;
  const KeyState& state_;
  Finalizer& finalizer_;
  std::vector<Scalar>& features_;
};

// Thread-compatible.
class StoredState {
 public:
  // `plan` is that of the task's topic, and outlives it. Errors of the store; FAILED_PRECONDITION:
  // its format is not that of this build.
  static absl::StatusOr<StoredState> Open(const TaskPlan& plan, TaskId task,
                                          std::unique_ptr<StateStore> store);
  StoredState(StoredState&&) noexcept;
  ~StoredState();

  const TaskId& task() const { return task_; }
  // Of the task's topic.
  int partition_count() const;

  // Whether the view is one of the task's. `view`: here and below, an index into
  // Project.feature_views.
  bool Computes(int view) const;

  // nullopt: there is no state of it. FAILED_PRECONDITION: it is of another definition under the
  // same version (S4). REQUIRES: Computes(view).
  absl::StatusOr<std::optional<StoredViewState>> Find(int view) const;

  // What a lookup of a key at a time answers, as a change record effective at that time: `expire`,
  // or `delete` where no window holds anything any more. Only of keys that are live in the state,
  // or whose delete step no change record stands for yet, and from their last step on: before it,
  // and of other keys, the change records that have been made say it all. Equal keys best come
  // together. Null: there is nothing. REQUIRES: Find(view) found it.
  absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> RowsAt(int view,
                                                             absl::Span<const KeyAt> asked) const;

  // Visits every key of the view that the state has anything of, in the order of their bytes.
  // REQUIRES: as RowsAt. DATA_LOSS: a state is damaged.
  absl::Status ForEachKey(int view,
                          absl::FunctionRef<absl::Status(const StoredKey& key)> visit) const;

 private:
  StoredState(const TaskPlan& plan, TaskId task, std::unique_ptr<StateStore> store);

  const ViewTaskPlan* PlanOf(int view) const;

  const TaskPlan* plan_;
  TaskId task_;
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<v1::TaskMeta> meta_;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_STORED_STATE_H_
