#include "cli/stored_states.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "forebay/v1/definition.pb.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "schemas/types/status_macros.h"

namespace forebay {

absl::StatusOr<std::vector<StoredState>> ReadStates(const LoadedProject& loaded,
                                                    const std::vector<TaskPlan>& plans,
                                                    const std::optional<std::set<TaskId>>& only) {
  const std::filesystem::path& folder = loaded.config.state;
  ASSIGN_OR_RETURN(StateIdentity identity, ReadStateIdentity(folder));
  if (identity.project != loaded.project->name()) {
    return absl::FailedPreconditionError(fmt::format("the state folder {} is of project {}, not {}",
                                                     folder.string(), identity.project,
                                                     loaded.project->name()));
  }
  RETURN_IF_ERROR(CheckNoUnfinishedReset(folder));
  ASSIGN_OR_RETURN(std::vector<TaskId> tasks, ListTasks(folder));
  std::vector<StoredState> states;
  for (const TaskId& task : tasks) {
    auto of_topic = [&](const TaskPlan& plan) { return plan.topic == task.topic; };
    auto plan = std::find_if(plans.begin(), plans.end(), of_topic);
    if (plan == plans.end() || (only && !only->contains(task))) continue;
    absl::StatusOr<std::unique_ptr<StateStore>> store = OpenStoreForReading(folder, task);
    if (absl::IsNotFound(store.status())) continue;
    RETURN_IF_ERROR(store.status());
    ASSIGN_OR_RETURN(StoredState state, StoredState::Open(*plan, task, *std::move(store)));
    states.push_back(std::move(state));
  }
  return states;
}

}  // namespace forebay
