// Tasks that a command has divided its work into, run on this machine.
#ifndef FOREBAY_CLI_RUN_TASKS_H_
#define FOREBAY_CLI_RUN_TASKS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace forebay {

// Each by `forebay task` in a process of its own, as many at a time as there are cores. ABORTED
// names those that failed; what the others made is there, and a second run makes the same again.
absl::Status RunTasksHere(const std::vector<std::string>& tasks);

}  // namespace forebay

#endif  // FOREBAY_CLI_RUN_TASKS_H_
