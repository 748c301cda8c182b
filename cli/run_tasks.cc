#include "cli/run_tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstring>
#include <thread>

#include "schemas/types/counted.h"
#include "schemas/types/parallel_for.h"

extern char** environ;

namespace forebay {
namespace {

bool SpawnTask(const std::string& task) {
  std::string program = "/proc/self/exe";
  std::string command = "task";
  std::string text = task;
  char* arguments[] = {program.data(), command.data(), text.data(), nullptr};
  pid_t child = 0;
  if (posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environ) != 0) return false;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

absl::Status RunTasksHere(const std::vector<std::string>& tasks) {
  std::vector<uint8_t> done(tasks.size(), 0);
  ParallelFor(tasks.size(), std::thread::hardware_concurrency(),
              [&](size_t i) { done[i] = SpawnTask(tasks[i]) ? 1 : 0; });
  std::vector<size_t> failed;
  for (size_t i = 0; i < done.size(); ++i) {
    if (done[i] == 0) failed.push_back(i);
  }
  if (failed.empty()) return absl::OkStatus();
  return absl::AbortedError(fmt::format("{} failed: number {}; run the command again",
                                        Counted(failed.size(), "task", "tasks"),
                                        fmt::join(failed, ", ")));
}

}  // namespace forebay
