// forebay compact [VIEW...]: merges the small files of offline tables into sorted ones.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "cli/command.h"
#include "cli/table_choice.h"
#include "connectors/object_store/object_store.h"
#include "fmt/format.h"
#include "offline/compaction/compaction.h"
#include "offline/sink/table_flush.h"
#include "schemas/types/byte_size.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

CompactionOptions OptionsOf(const ProjectConfig& config) {
  return {.limits = {.loose_files = 2, .memory_bytes = config.compaction_memory_bytes},
          .target_bytes = config.table_file_bytes,
          .encoding = config.parquet_encoding,
          .now_us = [] { return absl::ToUnixMicros(absl::Now()); }};
}

absl::Status CompactView(const std::shared_ptr<ObjectStore>& warehouse, const ViewId& view,
                         const CompactionOptions& options) {
  absl::StatusOr<std::unique_ptr<DeltaTable>> table =
      DeltaTable::Open(warehouse, OfflineTablePath(view));
  if (absl::IsNotFound(table.status())) {
    fmt::print("{}: there is no offline table yet\n", view.ToString());
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(table.status());
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(CompactionResult done, CompactTable(warehouse.get(), table->get(), options));
  if (done.commits == 0 && done.given_up == 0) {
    fmt::print("{}: nothing to merge, version {}\n", view.ToString(), (*table)->snapshot().version);
    return absl::OkStatus();
  }
  fmt::print("{}: {} of {} merged into {} of {}, {} in {:.1f} s, version {}{}\n", view.ToString(),
             Counted(done.files_before, "file", "files"), ShowByteSize(done.bytes_before),
             done.files_after, ShowByteSize(done.bytes_after), Counted(done.rows, "row", "rows"),
             absl::ToDoubleSeconds(absl::Now() - start), (*table)->snapshot().version,
             done.given_up == 0 ? ""
                                : fmt::format("; {} left to another writer, who was first",
                                              Counted(done.given_up, "merge", "merges")));
  return absl::OkStatus();
}

absl::Status Compact(const std::string& folder, const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(folder));
  ASSIGN_OR_RETURN(std::vector<ViewId> views, ChooseTables(*loaded.project, names));
  ASSIGN_OR_RETURN(std::shared_ptr<ObjectStore> warehouse,
                   OpenObjectStore(loaded.config.warehouse.string()));
  for (const ViewId& view : views)
    RETURN_IF_ERROR(CompactView(warehouse, view, OptionsOf(loaded.config)));
  return absl::OkStatus();
}

}  // namespace

void AddCompactCommand(CLI::App* app, int* exit_code) {
  auto folder = std::make_shared<std::string>(".");
  auto views = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app->add_subcommand(
      "compact", "Merge the small files of offline tables into sorted ones; safe beside workers");
  command->add_option("view", *views, "Only the tables of these views, as VIEW or VIEW@VERSION");
  command->add_option("-p,--project", *folder, "The project's folder")->capture_default_str();
  command->callback([=] { *exit_code = Report(Compact(*folder, *views)); });
}

}  // namespace forebay
