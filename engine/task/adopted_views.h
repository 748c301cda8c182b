// How a task comes to views that another task has computed, as they stood there: from the task that
// has read the files before its topic (Source.batch), or from one of the same partition that has
// brought new views up beside it (a lane).
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

// Copies the views that `store` has no state of, and the repartition topics that it never fed, from
// the store of a lane. The task then reads on from where either stood that was behind: what has a
// record already passes over it. Broken off, it is done again. REQUIRES: no task has the stores.
absl::Status AdoptLane(const StateStore& lane, StateStore* store);

// What a lane begins with of views that `store` has kept, without a task that computes them
// (TaskPlan::kept): the lane reads on from there. Nothing, where it has none, or where the order of
// the records depends on others (a repartition topic).
absl::Status SeedLane(const TaskPlan& plan, const StateStore& store, StateStore* lane);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_ADOPTED_VIEWS_H_
