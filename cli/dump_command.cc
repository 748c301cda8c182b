// forebay dump WHAT: any file of ours as text, one JSON object a line: of a project's tasks, or by
// its path.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

#include "cli/command.h"
#include "engine/task/task_dump.h"
#include "engine/task/task_plan.h"
#include "fmt/format.h"
#include "offline/change_log/change_log.h"
#include "offline/dump.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

void PrintLine(const std::string& line) { fmt::print("{}\n", line); }

const TaskPlan* PlanOf(const std::vector<TaskPlan>& plans, const TaskId& task) {
  for (const TaskPlan& plan : plans) {
    if (plan.topic == task.topic) return &plan;
  }
  return nullptr;
}

absl::Status DumpTask(const std::string& what, const LoadedProject& loaded,
                      const std::vector<TaskPlan>& plans, const TaskId& task) {
  if (what == "change-log") {
    absl::Status status = DumpChangeLog(
        ChangeLogFolder(loaded.config.state.string(), task.topic, task.partition), &std::cout);
    return absl::IsNotFound(status) ? absl::OkStatus() : status;
  }
  absl::StatusOr<std::unique_ptr<StateStore>> store =
      OpenStoreForReading(loaded.config.state, task);
  if (absl::IsNotFound(store.status())) return absl::OkStatus();
  RETURN_IF_ERROR(store.status());
  if (what == "positions") {
    return DumpMeta(**store, [&](const std::string& line) {
      fmt::print("{{\"task\":\"{}\",\"state\":{}}}\n", task.ToString(), line);
    });
  }
  const TaskPlan* plan = PlanOf(plans, task);
  if (plan == nullptr) {
    fmt::print(stderr, "{}: no view of the project is computed from this topic\n", task.ToString());
    return absl::OkStatus();
  }
  return DumpStates(*plan, **store, PrintLine);
}

absl::Status Dump(const std::string& what, const std::string& folder, const std::string& only) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(folder));
  ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanTasks(*loaded.project));
  ASSIGN_OR_RETURN(std::vector<TaskPlan> of_files, PlanBatchTasks(*loaded.project));
  std::move(of_files.begin(), of_files.end(), std::back_inserter(plans));
  ASSIGN_OR_RETURN(std::vector<TaskId> tasks, ListTasks(loaded.config.state));
  bool any = false;
  for (const TaskId& task : tasks) {
    if (!only.empty() && task.ToString() != only) continue;
    any = true;
    RETURN_IF_ERROR(DumpTask(what, loaded, plans, task));
  }
  if (any || only.empty()) return absl::OkStatus();
  std::string known;
  for (const TaskId& task : tasks) known += " " + task.ToString();
  return absl::InvalidArgumentError(fmt::format("there is no task '{}' in {}; there are:{}", only,
                                                loaded.config.state.string(), known));
}

bool IsOfTasks(const std::string& what) {
  return what == "state" || what == "change-log" || what == "positions";
}

std::string CheckWhat(const std::string& what) {
  if (IsOfTasks(what) || what.find_first_of("./") != std::string::npos) return "";
  return fmt::format("'{}' is neither state, change-log or positions, nor the path of a file",
                     what);
}

}  // namespace

void AddDumpCommand(CLI::App* app, int* exit_code) {
  auto what = std::make_shared<std::string>();
  auto folder = std::make_shared<std::string>(".");
  auto task = std::make_shared<std::string>();
  auto footer = std::make_shared<bool>(false);
  CLI::App* command = app->add_subcommand(
      "dump", "Print state, change logs, positions or a file, one JSON object a line");
  command
      ->add_option("what", *what,
                   "state, change-log or positions, of all tasks; or the path of a commit (.json), "
                   "checkpoint or data file (.parquet) or segment of a change log (.log)")
      ->required()
      ->check(CLI::Validator(CheckWhat, "{state,change-log,positions} or a path"));
  command->add_flag("--footer", *footer,
                    "Of a .parquet file: what it says of itself, not its rows");
  command->add_option("--task", *task, "Only this task, as topic/partition");
  command->add_option("-p,--project", *folder, "The project's folder")->capture_default_str();
  command->callback([=] {
    *exit_code = Report(IsOfTasks(*what) ? Dump(*what, *folder, *task)
                                         : DumpFile(*what, *footer, &std::cout));
  });
}

}  // namespace forebay
