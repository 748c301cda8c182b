// The hand-over from files to a topic, in the update topics: the newest values of the keys that
// files know.
#ifndef FOREBAY_CLI_NEWEST_UPDATES_H_
#define FOREBAY_CLI_NEWEST_UPDATES_H_

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/task/task_plan.h"
#include "schemas/definition/project.h"

namespace forebay {

// Publishes of each view of `plans` (PlanBatchTasks) that has updates, a history, and a topic
// behind its files, the newest row of each key in its table, as a worker would have; of deleted
// keys none. Each partition into the one of its number, and only where no worker has published
// anything of the view: newer values are not followed by older ones. Topics that lack are made.
// Done again, it publishes the same records again.
//
// Holds the keys of one partition in memory. Waits for brokers. Returns what was done, in lines for
// people. CANCELLED; FAILED_PRECONDITION as ProjectTopics::Open. REQUIRES: the caller has the lock
// of the state folder, and all rows are in the tables.
absl::StatusOr<std::vector<std::string>> PublishNewestRows(const LoadedProject& loaded,
                                                           const std::vector<TaskPlan>& plans,
                                                           const std::atomic<bool>& stop);

}  // namespace forebay

#endif  // FOREBAY_CLI_NEWEST_UPDATES_H_
