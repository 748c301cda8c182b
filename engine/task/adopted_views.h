// The hand-over from files to a topic: the task of a topic takes the views that it has no state of
// yet over from the task that has read the files before it (Source.batch), as they stood there.
#ifndef FOREBAY_ENGINE_TASK_ADOPTED_VIEWS_H_
#define FOREBAY_ENGINE_TASK_ADOPTED_VIEWS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/state/state_store.h"
#include "engine/task/task_plan.h"

namespace forebay {

// The plan's views that the store has no state of.
absl::StatusOr<std::vector<const ViewTaskPlan*>> MissingViews(const TaskPlan& plan,
                                                              const StateStore& store);

// Copies the states of these views, of the plan of a topic, from the store of the task of the files
// into that of the topic's task, which then reads the topic from its oldest record on: for the
// other views, records that they have are passed over. Broken off, it is done again. REQUIRES: no
// task has the stores. FAILED_PRECONDITION: a view has no state there, either.
absl::Status AdoptViews(const std::vector<const ViewTaskPlan*>& views, const StateStore& files,
                        StateStore* store);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_ADOPTED_VIEWS_H_
