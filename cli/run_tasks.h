// Tasks that a command has divided its work into, run by processes of this machine or by Spark.
#ifndef FOREBAY_CLI_RUN_TASKS_H_
#define FOREBAY_CLI_RUN_TASKS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace forebay {

// As the command line says it.
struct TaskArguments {
  int tasks = 0;                     // 0: the work as a whole
  bool print = false;                // the tasks, for others to run
  std::string engine = "processes";  // or "spark"

  bool divides() const { return tasks > 0; }
};

// Adds --tasks, which it returns, --print and --engine. What they point to must outlive the
// command.
CLI::Option* AddTaskOptions(CLI::App* command, TaskArguments* arguments);

// Prints the tasks: false; or runs them all: true. With "processes", each by `forebay task` in a
// process of its own, as many at a time as there are cores; with "spark", by the Python package's
// driver (forebay.tasks), which python3, or what FOREBAY_PYTHON names, must find. ABORTED: some
// failed; what the others made is there, and a second run makes the same again.
absl::StatusOr<bool> RunTasks(const std::vector<std::string>& tasks,
                              const TaskArguments& arguments);

}  // namespace forebay

#endif  // FOREBAY_CLI_RUN_TASKS_H_
