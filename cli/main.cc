// The `forebay` command: the only place that wires the parts together.
#include <CLI/CLI.hpp>
#include <cstdlib>

#include "cli/command.h"

int main(int argc, char** argv) {
  // Arrow's own allocator gives memory back to the system at once, and soon asks for it again.
  setenv("ARROW_DEFAULT_MEMORY_POOL", "system", /*overwrite=*/0);
  CLI::App app("forebay: a feature engine on Kafka");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("forebay ") + FOREBAY_VERSION);
  int exit_code = forebay::kExitOk;
  forebay::AddValidateCommand(&app, &exit_code);
  forebay::AddRunCommand(&app, &exit_code);
  forebay::AddGetCommand(&app, &exit_code);
  forebay::AddTrainingSetCommand(&app, &exit_code);
  forebay::AddDumpCommand(&app, &exit_code);
  forebay::AddProtoCommand(&app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? forebay::kExitOk : forebay::kExitUsage;
  }
  return exit_code;
}
