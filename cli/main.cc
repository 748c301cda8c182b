// The `forebay` command: the only place that wires the parts together.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "cli/command.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "schemas/types/nearest_name.h"

// Read by jemalloc when it starts: large blocks, too, are kept for a while when they are freed, as
// the next are soon asked for.
extern "C" const char* malloc_conf;
const char* malloc_conf = "oversize_threshold:0";

namespace {

// What to say of a command line that names no command.
std::string MissingCommand(const CLI::App& app) {
  const std::vector<std::string> given = app.remaining();
  if (given.empty()) return app.help();
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return fmt::format("forebay: no command '{}'{}; there are: {}\n", given[0],
                     forebay::DidYouMean(given[0], names), fmt::join(names, ", "));
}

}  // namespace

int main(int argc, char** argv) {
  // Arrow's own allocator gives memory back to the system at once, and soon asks for it again.
  setenv("ARROW_DEFAULT_MEMORY_POOL", "system", /*overwrite=*/0);
  // Debian's build of Abseil looks for deadlocks at each lock, at three times a lock's cost; tests
  // do.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("forebay"));
  CLI::App app("forebay: a feature engine on Kafka");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("forebay ") + FOREBAY_VERSION);
  int exit_code = forebay::kExitOk;
  forebay::AddValidateCommand(&app, &exit_code);
  forebay::AddPlanCommand(&app, &exit_code);
  forebay::AddApplyCommand(&app, &exit_code);
  forebay::AddCatalogCommand(&app, &exit_code);
  forebay::AddLineageCommand(&app, &exit_code);
  forebay::AddModelCommand(&app, &exit_code);
  forebay::AddRunCommand(&app, &exit_code);
  forebay::AddBackfillCommand(&app, &exit_code);
  forebay::AddFeedCommand(&app, &exit_code);
  forebay::AddGetCommand(&app, &exit_code);
  forebay::AddHistoryCommand(&app, &exit_code);
  forebay::AddTablesCommand(&app, &exit_code);
  forebay::AddTrainingSetCommand(&app, &exit_code);
  forebay::AddExportCommand(&app, &exit_code);
  forebay::AddStatisticsCommand(&app, &exit_code);
  forebay::AddDriftCommand(&app, &exit_code);
  forebay::AddTaskCommand(&app, &exit_code);
  forebay::AddDeadLetterCommand(&app, &exit_code);
  forebay::AddCompactCommand(&app, &exit_code);
  forebay::AddTierCommand(&app, &exit_code);
  forebay::AddVacuumCommand(&app, &exit_code);
  forebay::AddVerifyCommand(&app, &exit_code);
  forebay::AddEraseCommand(&app, &exit_code);
  forebay::AddIcebergCommand(&app, &exit_code);
  forebay::AddDumpCommand(&app, &exit_code);
  forebay::AddProtoCommand(&app, &exit_code);
  forebay::AddResetCommand(&app, &exit_code);
  forebay::AddCompletionCommand(&app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    if (app.get_subcommands().empty()) {
      fmt::print(stderr, "{}", MissingCommand(app));
    } else {
      app.exit(error);
    }
    return forebay::kExitUsage;
  }
  return exit_code;
}
