// forebay iceberg [TABLE...]: shows offline tables as Iceberg tables.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/table_choice.h"
#include "connectors/object_store/object_store.h"
#include "fmt/format.h"
#include "offline/iceberg/iceberg_export.h"
#include "offline/sink/table_flush.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

absl::Status ExportOne(const std::shared_ptr<ObjectStore>& warehouse, const StoreUri& uri,
                       const TableId& id) {
  const std::string table = OfflineTablePath(id);
  ASSIGN_OR_RETURN(std::string location, IcebergLocation(uri, table));
  absl::StatusOr<IcebergExport> done = ExportToIceberg(warehouse.get(), table, location);
  if (absl::IsNotFound(done.status())) {
    fmt::print("{}: there is no offline table yet\n", id.ToString());
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(done.status());
  fmt::print("{}: version {} {} snapshot {} ({}), {}, {}{}\n  {}\n", id.ToString(),
             done->delta_version, done->is_new ? "is now" : "was exported before, as",
             done->snapshot_id, done->operation, Counted(done->files, "file", "files"),
             Counted(done->rows, "row", "rows"),
             done->expired == 0 ? ""
                                : fmt::format("; {} taken out, whose files are gone",
                                              Counted(done->expired, "snapshot", "snapshots")),
             done->metadata);
  return absl::OkStatus();
}

absl::Status Export(const std::string& folder, const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(folder));
  ASSIGN_OR_RETURN(std::vector<TableId> tables, ChooseTables(*loaded.project, names));
  std::shared_ptr<ObjectStore> warehouse =
      OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
  for (const TableId& id : tables)
    RETURN_IF_ERROR(ExportOne(warehouse, loaded.config.warehouse, id));
  return absl::OkStatus();
}

}  // namespace

void AddIcebergCommand(CLI::App* app, int* exit_code) {
  auto folder = std::make_shared<std::string>(".");
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app->add_subcommand(
      "iceberg", "Write Iceberg metadata beside offline tables, for readers of that format");
  command->add_option("table", *names, "Only these, as VIEW, VIEW@VERSION or events/SOURCE");
  command->add_option("-p,--project", *folder, "The project's folder")->capture_default_str();
  command->callback([=] { *exit_code = Report(Export(*folder, *names)); });
}

}  // namespace forebay
