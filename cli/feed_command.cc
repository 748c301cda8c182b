// forebay feed [SOURCE...] [--project DIR]: the new rows of files, into their topic.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/feed_process.h"
#include "cli/stop_signal.h"

namespace forebay {
namespace {

absl::Status Run(const std::string& folder, const std::vector<std::string>& sources) {
  absl::StatusOr<LoadedProject> loaded = LoadOrExplain(folder);
  if (!loaded.ok()) return loaded.status();
  return RunFeed(*loaded, sources, StopOnSignals());
}

}  // namespace

void AddFeedCommand(CLI::App* app, int* exit_code) {
  auto folder = std::make_shared<std::string>(".");
  auto sources = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app->add_subcommand(
      "feed", "Send the rows of files that their topic does not have yet into it");
  command
      ->add_option("source", *sources,
                   "Sources whose batch has `feed: on`, by name; none: all of these")
      ->type_name("SOURCE");
  command->add_option("--project", *folder, "The project's folder")->capture_default_str();
  command->callback([=] { *exit_code = Report(Run(*folder, *sources)); });
}

}  // namespace forebay
