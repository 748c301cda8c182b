// forebay vacuum [VIEW...]: removes files of offline tables, and of that of statistics, that no
// version within the retention needs.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/command.h"
#include "cli/table_choice.h"
#include "connectors/object_store/object_store.h"
#include "fmt/format.h"
#include "offline/sink/table_flush.h"
#include "offline/statistics/statistics_table.h"
#include "offline/upkeep/vacuum.h"
#include "schemas/types/byte_size.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

struct VacuumArguments {
  std::string folder = ".";
  std::vector<std::string> views;
  std::string retention;
  bool dry_run = false;
};

absl::Status VacuumOne(const std::shared_ptr<ObjectStore>& warehouse, const std::string& name,
                       const std::string& path, const VacuumOptions& options) {
  absl::StatusOr<std::unique_ptr<DeltaTable>> table = DeltaTable::Open(warehouse, path);
  if (absl::IsNotFound(table.status())) return absl::OkStatus();
  RETURN_IF_ERROR(table.status());
  ASSIGN_OR_RETURN(VacuumResult done, VacuumTable(warehouse, table->get(), options));
  fmt::print(
      "{}: {}{} of {} and {} removed{}\n", name, options.dry_run ? "would be removed: " : "",
      Counted(done.data_files, "data file", "data files"), ShowByteSize(done.bytes),
      Counted(done.log_files, "file of the log", "files of the log"),
      done.kept_for_leases == 0
          ? ""
          : fmt::format("; {} kept for readers", Counted(done.kept_for_leases, "file", "files")));
  return absl::OkStatus();
}

absl::Status Vacuum(const VacuumArguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  ASSIGN_OR_RETURN(std::vector<TableId> tables, ChooseTables(*loaded.project, arguments.views));
  int64_t retention_us = loaded.config.table_retention_us;
  if (!arguments.retention.empty()) {
    absl::StatusOr<int64_t> given =
        arguments.retention == "0" ? 0 : ParseDuration(arguments.retention);
    if (!given.ok()) {
      return absl::InvalidArgumentError(fmt::format("--retention '{}': {}", arguments.retention,
                                                    std::string(given.status().message())));
    }
    retention_us = *given;
  }
  std::shared_ptr<ObjectStore> warehouse =
      OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
  const VacuumOptions options = {.retention = absl::Microseconds(retention_us),
                                 .cold = loaded.config.cold,
                                 .dry_run = arguments.dry_run};
  for (const TableId& id : tables)
    RETURN_IF_ERROR(VacuumOne(warehouse, id.ToString(), OfflineTablePath(id), options));
  if (!arguments.views.empty()) return absl::OkStatus();
  return VacuumOne(warehouse, kStatisticsTable, kStatisticsTable, options);
}

}  // namespace

void AddVacuumCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<VacuumArguments>();
  CLI::App* command = app->add_subcommand(
      "vacuum", "Remove files of offline tables that no version within the retention needs");
  command->add_option("table", arguments->views,
                      "Only these, as VIEW, VIEW@VERSION or events/SOURCE");
  command->add_option("--retention", arguments->retention,
                      "Instead of offline.retention: how far back versions stay readable; 0: the "
                      "newest alone");
  command->add_flag("--dry-run", arguments->dry_run, "Only say how much");
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  command->callback([=] { *exit_code = Report(Vacuum(*arguments)); });
}

}  // namespace forebay
