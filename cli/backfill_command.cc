// forebay backfill [VIEW...] [--project DIR]: the features of what is in files.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/backfill_process.h"
#include "cli/backfill_tasks.h"
#include "cli/command.h"
#include "cli/lineage_datasets.h"
#include "cli/lineage_report.h"
#include "cli/range_backfill.h"
#include "cli/run_tasks.h"
#include "cli/stop_signal.h"
#include "cli/table_version_option.h"
#include "fmt/format.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

struct BackfillArguments {
  std::string folder = ".";
  BackfillOptions options;
  TaskArguments tasks;
  std::string work;    // the folder of the tasks
  std::string finish;  // a folder whose tasks have run
  std::string from;    // of a range of time; empty: there is none
  std::string to;
};

absl::Status FinishTasksIn(const LoadedProject& loaded, const std::string& folder,
                           const std::atomic<bool>& stop) {
  ASSIGN_OR_RETURN(std::vector<std::string> done, FinishBackfill(loaded, folder, stop));
  for (const std::string& line : done) fmt::print("{}\n", line);
  return absl::OkStatus();
}

absl::Status RunInTasks(const LoadedProject& loaded, const BackfillArguments& arguments,
                        const std::atomic<bool>& stop) {
  ASSIGN_OR_RETURN(std::vector<std::string> tasks,
                   DivideBackfill(loaded, arguments.folder, arguments.options.views, arguments.work,
                                  arguments.tasks.tasks, stop));
  ASSIGN_OR_RETURN(const bool ran, RunTasks(tasks, arguments.tasks));
  return ran ? FinishTasksIn(loaded, arguments.work, stop) : absl::OkStatus();
}

absl::Status RunOfRange(const LoadedProject& loaded, const BackfillArguments& arguments) {
  ASSIGN_OR_RETURN(const TimeRange range, ParseTimeRange(arguments.from, arguments.to));
  ASSIGN_OR_RETURN(std::vector<std::string> done,
                   RunRangeBackfill(loaded,
                                    {.views = arguments.options.views,
                                     .range = range,
                                     .events_per_second = arguments.options.events_per_second},
                                    StopOnSignals()));
  for (const std::string& line : done) fmt::print("{}\n", line);
  return absl::OkStatus();
}

absl::Status RunAsked(const LoadedProject& loaded, const BackfillArguments& arguments) {
  if (!arguments.from.empty() || !arguments.to.empty()) return RunOfRange(loaded, arguments);
  if (!arguments.finish.empty()) return FinishTasksIn(loaded, arguments.finish, StopOnSignals());
  const BackfillOptions& options = arguments.options;
  if (arguments.tasks.divides()) return RunInTasks(loaded, arguments, StopOnSignals());
  ASSIGN_OR_RETURN(std::optional<std::vector<std::string>> read,
                   RunBackfill(loaded, options, StopOnSignals()));
  if (!read) {
    spdlog::info("stopped; the same command goes on from here");
    return absl::OkStatus();
  }
  for (const std::string& line : *read) spdlog::info("{}", line);
  return absl::OkStatus();
}

absl::Status Run(const BackfillArguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  LineageReport report(loaded.config, BackfillRun(loaded, arguments.options.views));
  return report.End(RunAsked(loaded, arguments));
}

}  // namespace

void AddBackfillCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<BackfillArguments>();
  CLI::App* command = app->add_subcommand(
      "backfill", "Compute the features of events that are in files, their tables included");
  command
      ->add_option("view", arguments->options.views,
                   "Feature views (name or name@version) whose sources have a `batch`; none: all "
                   "such. The other views of the same source and key come along")
      ->type_name("VIEW");
  command->add_option("--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  CLI::Option* rate =
      command
          ->add_option("--rate", arguments->options.events_per_second,
                       "Read at most so many events a second; 0: as fast as it goes")
          ->check(CLI::NonNegativeNumber)
          ->capture_default_str();
  CLI::Option* work = command->add_option(
      "--work", arguments->work, "The folder that tasks write into, for all of them the same");
  CLI::Option* tasks = AddTaskOptions(command, &arguments->tasks)->needs(work)->excludes(rate);
  work->needs(tasks);
  CLI::Option* finish =
      command
          ->add_option("--finish", arguments->finish,
                       "The folder of the tasks, when all have run: put what they made into the "
                       "tables and the state folder")
          ->excludes(tasks);
  command
      ->add_option(
          "--from", arguments->from,
          "Compute the views, which are new versions, for a range of time alone, from this "
          "one on (RFC 3339), as after a correction of the files; no state is kept")
      ->excludes(tasks)
      ->excludes(finish);
  command->add_option("--to", arguments->to, "The end of the range: the first time after it")
      ->excludes(tasks)
      ->excludes(finish);
  command->callback([=] { *exit_code = Report(Run(*arguments)); });
}

}  // namespace forebay
