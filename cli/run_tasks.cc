#include "cli/run_tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "connectors/object_store/durable_file.h"
#include "schemas/types/counted.h"
#include "schemas/types/parallel_for.h"
#include "schemas/types/status_macros.h"

extern char** environ;

namespace forebay {
namespace {

constexpr char kSelf[] = "/proc/self/exe";

// Whether it ended with 0. `input`: a file that is its standard input; -1: that of this process.
bool Spawn(std::vector<std::string> command, int input) {
  std::vector<char*> arguments;
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (input >= 0) posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return false;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

absl::Status RunInProcesses(const std::vector<std::string>& tasks) {
  std::vector<uint8_t> done(tasks.size(), 0);
  ParallelFor(tasks.size(), std::thread::hardware_concurrency(), [&](size_t i) {
    done[i] = Spawn({kSelf, "task", tasks[i]}, -1) ? 1 : 0;
  });
  std::vector<size_t> failed;
  for (size_t i = 0; i < done.size(); ++i) {
    if (done[i] == 0) failed.push_back(i);
  }
  if (failed.empty()) return absl::OkStatus();
  return absl::AbortedError(fmt::format("{} failed: number {}; run the command again",
                                        Counted(failed.size(), "task", "tasks"),
                                        fmt::join(failed, ", ")));
}

absl::Status RunOnSpark(const std::vector<std::string>& tasks) {
  std::error_code error;
  const std::string program = std::filesystem::read_symlink(kSelf, error).string();
  const char* named = std::getenv("FOREBAY_PYTHON");
  const std::string python = named == nullptr ? "python3" : named;
  const std::string folder = std::filesystem::temp_directory_path(error).string();
  ASSIGN_OR_RETURN(TemporaryFile lines, CreateTemporaryFile(folder + "/forebay-tasks"));
  unlink(lines.path.c_str());
  RETURN_IF_ERROR(
      WriteAll(lines.file.get(), fmt::format("{}\n", fmt::join(tasks, "\n")), lines.path));
  lseek(lines.file.get(), 0, SEEK_SET);
  if (Spawn({python, "-m", "forebay.tasks", program}, lines.file.get())) return absl::OkStatus();
  return absl::AbortedError(
      fmt::format("Spark has not run all tasks: see above. {} must find the packages forebay "
                  "(clients/python) and pyspark; FOREBAY_PYTHON names another interpreter. The "
                  "command can be run again",
                  python));
}

}  // namespace

CLI::Option* AddTaskOptions(CLI::App* command, TaskArguments* arguments) {
  CLI::Option* tasks = command
                           ->add_option("--tasks", arguments->tasks,
                                        "Do it in so many parts, each by a process of its own")
                           ->check(CLI::PositiveNumber);
  CLI::Option* print =
      command
          ->add_flag("--print", arguments->print,
                     "Only print the tasks, a line of JSON each, for `forebay task` anywhere")
          ->needs(tasks);
  command
      ->add_option("--engine", arguments->engine,
                   "Who runs the tasks: processes, of this machine, or spark")
      ->check(CLI::IsMember({"processes", "spark"}))
      ->needs(tasks)
      ->excludes(print);
  return tasks;
}

absl::StatusOr<bool> RunTasks(const std::vector<std::string>& tasks,
                              const TaskArguments& arguments) {
  if (arguments.print) {
    for (const std::string& task : tasks) fmt::print("{}\n", task);
    return false;
  }
  if (tasks.empty()) return true;
  RETURN_IF_ERROR(arguments.engine == "spark" ? RunOnSpark(tasks) : RunInProcesses(tasks));
  return true;
}

}  // namespace forebay
