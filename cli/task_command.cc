// forebay task: one of the tasks that a command has divided its work into.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "cli/backfill_tasks.h"
#include "cli/command.h"
#include "cli/compaction_options.h"
#include "cli/stop_signal.h"
#include "cli/training_set_run.h"
#include "fmt/format.h"
#include "offline/compaction/compaction_tasks.h"
#include "offline/training_set/training_tasks.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/task_line.h"

namespace forebay {
namespace {

using OrderedJson = nlohmann::ordered_json;

absl::StatusOr<std::string> TextOf(const std::string& task) {
  if (task.starts_with("{")) return task;
  std::ostringstream text;
  if (task == "-") {
    text << std::cin.rdbuf();
  } else {
    std::ifstream file(task);
    if (!file) return absl::NotFoundError(fmt::format("cannot open the task {}", task));
    text << file.rdbuf();
  }
  return text.str();
}

absl::Status RunTrainingSetTask(const LoadedProject& loaded, const OrderedJson& json) {
  ASSIGN_OR_RETURN(TrainingSetTask task, ReadTrainingSetTask(json));
  task.request.warehouse = OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
  RETURN_IF_ERROR(PinTables(*loaded.project, &task));
  std::error_code ignored;  // then the file cannot be written, which is said
  std::filesystem::create_directories(std::filesystem::path(task.request.output.path).parent_path(),
                                      ignored);
  return RunTrainingSet(loaded, std::move(task.request), {});
}

absl::Status RunTask(const std::string& given) {
  ASSIGN_OR_RETURN(std::string text, TextOf(given));
  ASSIGN_OR_RETURN(OrderedJson json, ParseTask(text));
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(ProjectOfTask(json)));
  const std::string kind = KindOfTask(json);
  if (kind == kTrainingSetTask) return RunTrainingSetTask(loaded, json);
  if (kind == kCompactionTask) {
    return RunCompactionTask(OpenObjectStore(loaded.config.warehouse, loaded.config.s3), json,
                             CompactionOptionsOf(loaded.config));
  }
  if (kind == kBackfillTask) return RunBackfillTask(std::move(loaded), json, StopOnSignals());
  return absl::InvalidArgumentError(fmt::format("this forebay knows no tasks of kind '{}'", kind));
}

}  // namespace

void AddTaskCommand(CLI::App* app, int* exit_code) {
  auto task = std::make_shared<std::string>();
  CLI::App* command = app->add_subcommand(
      "task", "Run a task that `--tasks N --print` gave; again and anywhere, with the same result");
  command->add_option("task", *task, "The line of JSON, a file with it, or - for stdin")
      ->required();
  command->callback([=] { *exit_code = Report(RunTask(*task)); });
}

}  // namespace forebay
