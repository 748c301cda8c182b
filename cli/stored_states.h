// The states of a project's tasks on this machine, read beside the tables.
#ifndef FOREBAY_CLI_STORED_STATES_H_
#define FOREBAY_CLI_STORED_STATES_H_

#include <optional>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/task/stored_state.h"
#include "engine/task/task_plan.h"
#include "schemas/definition/project.h"

namespace forebay {

// Of all tasks of `plans`, which outlive them, that have a state in the project's state folder, as
// they stand now; with `only`, of these tasks alone. FAILED_PRECONDITION: the folder is of another
// project, or was not reset to the end.
absl::StatusOr<std::vector<StoredState>> ReadStates(
    const LoadedProject& loaded, const std::vector<TaskPlan>& plans,
    const std::optional<std::set<TaskId>>& only = std::nullopt);

}  // namespace forebay

#endif  // FOREBAY_CLI_STORED_STATES_H_
