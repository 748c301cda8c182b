// forebay backfill [VIEW...] [--project DIR]: the features of what is in files.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/backfill_process.h"
#include "cli/command.h"
#include "cli/stop_signal.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

absl::Status Run(const std::string& folder, const BackfillOptions& options) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(folder));
  ASSIGN_OR_RETURN(std::optional<std::vector<std::string>> read,
                   RunBackfill(loaded, options, StopOnSignals()));
  if (!read) {
    spdlog::info("stopped; the same command goes on from here");
    return absl::OkStatus();
  }
  for (const std::string& line : *read) spdlog::info("{}", line);
  return absl::OkStatus();
}

}  // namespace

void AddBackfillCommand(CLI::App* app, int* exit_code) {
  auto folder = std::make_shared<std::string>(".");
  auto options = std::make_shared<BackfillOptions>();
  CLI::App* command = app->add_subcommand(
      "backfill", "Compute the features of events that are in files, their tables included");
  command
      ->add_option("view", options->views,
                   "Feature views (name or name@version) whose sources have a `batch`; none: all "
                   "such. The other views of the same source and key come along")
      ->type_name("VIEW");
  command->add_option("--project", *folder, "The project's folder")->capture_default_str();
  command
      ->add_option("--rate", options->events_per_second,
                   "Read at most so many events a second; 0: as fast as it goes")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->callback([=] { *exit_code = Report(Run(*folder, *options)); });
}

}  // namespace forebay
