// forebay run [DIR]: a worker, until SIGTERM or SIGINT.
#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>

#include "cli/command.h"
#include "cli/lineage_datasets.h"
#include "cli/lineage_report.h"
#include "cli/project_catalog.h"
#include "cli/run_catalog.h"
#include "cli/stop_signal.h"
#include "cli/worker_process.h"
#include "connectors/object_store/object_store.h"
#include "offline/sink/store_probe.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

absl::Status Run(const std::string& folder, bool frozen, RunOptions options) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(folder));
  RETURN_IF_ERROR(
      ProbeStore(OpenObjectStore(loaded.config.warehouse, loaded.config.s3).get(), "warehouse"));
  options.catalog = OpenCatalog(loaded, folder, "run");
  ASSIGN_OR_RETURN(options.catalog_state, frozen ? TakeFromCatalog(*options.catalog, &loaded)
                                                 : TakeIntoCatalog(*options.catalog, &loaded));
  std::signal(SIGPIPE, SIG_IGN);
  LineageReport report(loaded.config, WorkerRun(loaded));
  return report.End(RunWorker(std::move(loaded), options, StopOnSignals()));
}

}  // namespace

void AddRunCommand(CLI::App* app, int* exit_code) {
  auto folder = std::make_shared<std::string>(".");
  auto broker = std::make_shared<std::string>();
  auto frozen = std::make_shared<bool>(false);
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app->add_subcommand("run", "Run a worker: consume, serve, write offline");
  command->add_option("project", *folder, "The project's folder")->capture_default_str();
  command->add_flag("--until-idle", options->until_idle,
                    "Stop when all that is in the topics has been applied");
  command->add_flag("--frozen", *frozen,
                    "Run the definitions that the catalog has, whatever the folder has");
  command
      ->add_option(
          "--from-now", options->from_now,
          "A view (name or name@version) that is new counts from now on: it is not brought "
          "up from the oldest records that its topic holds")
      ->type_name("VIEW");
  command
      ->add_option(
          "--from-oldest", options->from_oldest,
          "A view (name or name@version) whose state is gone is built from the oldest records that "
          "its topic still holds, though earlier ones are gone, too")
      ->type_name("VIEW");
  command
      ->add_option("--broker", *broker, "embedded: run a Kafka broker for trials inside the worker")
      ->check(CLI::IsMember({"embedded"}));
  command->callback([=] {
    options->embedded_broker = *broker == "embedded";
    *exit_code = Report(Run(*folder, *frozen, *options));
  });
}

}  // namespace forebay
