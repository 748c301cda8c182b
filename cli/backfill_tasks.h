// A backfill made in parts, anywhere: each task is a line of JSON, and computes some of the
// partitions into a folder of its own, with its state and tables. The backfill is made when all
// have run and FinishBackfill has put their tables and states in place.
//
//   <folder>/task-00003/TASK.json   the line; there is no folder of that name before all of it is
//   <folder>/task-00003/state, warehouse
#ifndef FOREBAY_CLI_BACKFILL_TASKS_H_
#define FOREBAY_CLI_BACKFILL_TASKS_H_

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "schemas/definition/project.h"

namespace forebay {

inline constexpr char kBackfillTask[] = "backfill";  // the kind of these tasks

// As many tasks as asked for, fewer where the partitions are few; `views` as PlanBackfill takes
// them; `folder` must be reached by all that run tasks. INVALID_ARGUMENT: as PlanBackfill's.
absl::StatusOr<std::vector<std::string>> DivideBackfill(const LoadedProject& loaded,
                                                        const std::string& project_folder,
                                                        const std::vector<std::string>& views,
                                                        const std::string& folder, int tasks,
                                                        const std::atomic<bool>& stop);

// Runs one; nothing, where it has run. However often, also at once, its folder is there once. Once
// in a process. INVALID_ARGUMENT: it is no such task. FAILED_PRECONDITION: files or definitions are
// others by now.
absl::Status RunBackfillTask(LoadedProject loaded, const nlohmann::ordered_json& task,
                             const std::atomic<bool>& stop);

// Puts what the tasks made into the project's tables, with one commit for each, then into the
// update topics (PublishNewestRows), and then into its state folder; what is there already is
// passed over, so that a broken off run is gone on with. Returns what was done, in lines for
// people. FAILED_PRECONDITION: tasks are missing, or not of one backfill; the definitions are
// others by now; the state folder has states of these tasks.
absl::StatusOr<std::vector<std::string>> FinishBackfill(const LoadedProject& loaded,
                                                        const std::string& folder,
                                                        const std::atomic<bool>& stop);

}  // namespace forebay

#endif  // FOREBAY_CLI_BACKFILL_TASKS_H_
