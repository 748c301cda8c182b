// Where a task begins to read, and which records count for which of its parts.
//
// A view has a position of its own, and so has a repartition topic that the task feeds: one that is
// new is brought up from the oldest record kept, while the others pass over what they have; so is a
// view with an output that was off before. The archive of the task's events has those that are read
// from when it is switched on. A decision of facts alone: what the store says, the plan,
// and what the partition holds.
#ifndef FOREBAY_ENGINE_TASK_TASK_START_H_
#define FOREBAY_ENGINE_TASK_TASK_START_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/task/task_plan.h"
#include "engine/window/window.h"
#include "engine/worker/source.h"

namespace forebay {

namespace v1 {
class TaskMeta;
}

// A view, a repartition topic that the task feeds, or the archive of its events.
struct PartStart {
  static constexpr int64_t kNoRecordYet = std::numeric_limits<int64_t>::max();

  bool stored = false;              // it has state, or has been fed
  bool settled = false;             // and what is stored of it says what is so now
  Offset after{-1};                 // records up to here do not count for it (any more)
  int64_t clock = Window::kAlways;  // the partition clock there, if it has state
  // Where it does not have all records of the partition: the known time of the first that it has.
  std::optional<int64_t> complete_from;
  bool from_files = false;  // as of StoredView
};

struct TaskStart {
  Offset position{-1};              // it reads from the next one on; -1: from the oldest
  int64_t clock = Window::kAlways;  // there
  bool has_new = false;             // some part is not settled
  bool resumes = false;             // from where it stopped: what else is stored holds
  // Up to here records were read before: those that are refused have been reported, and lookups
  // have answered from them.
  Offset read_before{-1};
  std::vector<PartStart> views;     // parallel to TaskPlan.views
  std::vector<PartStart> forwards;  // parallel to TaskPlan.forwards
  std::optional<PartStart> archive;
};

// `meta`: null for a new store. `held`: up to where sinks hold what the task made before; below 0:
// nothing. FAILED_PRECONDITION (S30): the partition lacks records that a part still needs, or ends
// before what was read; or the state of what was done before is gone, and the records that it was
// made of, too.
absl::StatusOr<TaskStart> StartTask(const TaskPlan& plan, const TaskId& id,
                                    const v1::TaskMeta* meta, const PartitionBounds& bounds,
                                    Offset held = Offset(-1));

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_TASK_START_H_
