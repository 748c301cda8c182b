// forebay compact [TABLE...]: merges the small files of offline tables into sorted ones.
// forebay tier [TABLE...]: moves their old dates to the cold location.
#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/clock.h"
#include "cli/command.h"
#include "cli/compaction_options.h"
#include "cli/lineage_datasets.h"
#include "cli/lineage_report.h"
#include "cli/run_tasks.h"
#include "cli/table_choice.h"
#include "connectors/object_store/object_store.h"
#include "fmt/format.h"
#include "offline/compaction/compaction.h"
#include "offline/compaction/compaction_tasks.h"
#include "offline/sink/table_flush.h"
#include "schemas/types/byte_size.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using Step = std::function<absl::StatusOr<CompactionResult>(DeltaTable*)>;

absl::Status RewriteOne(const std::shared_ptr<ObjectStore>& warehouse, const TableId& id,
                        std::string_view what, const Step& step) {
  absl::StatusOr<std::unique_ptr<DeltaTable>> table =
      DeltaTable::Open(warehouse, OfflineTablePath(id));
  if (absl::IsNotFound(table.status())) {
    fmt::print("{}: there is no offline table yet\n", id.ToString());
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(table.status());
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(CompactionResult done, step(table->get()));
  if (done.commits == 0 && done.given_up == 0) {
    fmt::print("{}: nothing to be {}, version {}\n", id.ToString(), what,
               (*table)->snapshot().version);
    return absl::OkStatus();
  }
  fmt::print("{}: {} of {} {} as {} of {}, {} in {:.1f} s, version {}{}\n", id.ToString(),
             Counted(done.files_before, "file", "files"), ShowByteSize(done.bytes_before), what,
             done.files_after, ShowByteSize(done.bytes_after), Counted(done.rows, "row", "rows"),
             absl::ToDoubleSeconds(absl::Now() - start), (*table)->snapshot().version,
             done.given_up == 0 ? ""
                                : fmt::format("; {} left to another writer, who was first",
                                              Counted(done.given_up, "merge", "merges")));
  return absl::OkStatus();
}

absl::Status RewriteAll(const std::shared_ptr<ObjectStore>& warehouse,
                        const std::vector<TableId>& tables, std::string_view what,
                        const Step& step) {
  for (const TableId& id : tables) RETURN_IF_ERROR(RewriteOne(warehouse, id, what, step));
  return absl::OkStatus();
}

struct CompactArguments {
  std::string folder = ".";
  std::vector<std::string> tables;
  TaskArguments tasks;
  bool finish = false;  // what tasks have made
};

// Of all tables.
absl::StatusOr<std::vector<std::string>> Divide(const std::shared_ptr<ObjectStore>& warehouse,
                                                const std::vector<TableId>& tables,
                                                const CompactArguments& arguments,
                                                const CompactionOptions& options) {
  std::vector<std::string> lines;
  for (const TableId& id : tables) {
    absl::StatusOr<std::unique_ptr<DeltaTable>> table =
        DeltaTable::Open(warehouse, OfflineTablePath(id));
    if (absl::IsNotFound(table.status())) continue;
    RETURN_IF_ERROR(table.status());
    for (std::string& line :
         DivideCompaction(arguments.folder, **table, options, arguments.tasks.tasks))
      lines.push_back(std::move(line));
  }
  return lines;
}

absl::Status CompactAll(const LoadedProject& loaded, const std::vector<TableId>& tables,
                        const CompactArguments& arguments) {
  const CompactionOptions options = CompactionOptionsOf(loaded.config);
  std::shared_ptr<ObjectStore> warehouse =
      OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
  if (arguments.tasks.divides()) {
    ASSIGN_OR_RETURN(std::vector<std::string> tasks, Divide(warehouse, tables, arguments, options));
    ASSIGN_OR_RETURN(const bool ran, RunTasks(tasks, arguments.tasks));
    if (!ran) return absl::OkStatus();
  }
  const bool in_tasks = arguments.finish || arguments.tasks.divides();
  return RewriteAll(warehouse, tables, "merged", [&](DeltaTable* table) {
    return in_tasks ? FinishCompaction(warehouse, table, options)
                    : CompactTable(warehouse, table, options);
  });
}

absl::Status Compact(const CompactArguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  ASSIGN_OR_RETURN(std::vector<TableId> tables, ChooseTables(*loaded.project, arguments.tables));
  LineageReport report(loaded.config, CompactionRun(loaded, tables));
  return report.End(CompactAll(loaded, tables, arguments));
}

absl::Status Tier(const std::string& folder, const std::vector<std::string>& names,
                  const std::string& older_than) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(folder));
  if (!loaded.config.cold) {
    return absl::InvalidArgumentError(
        "the project has no cold location: set offline.cold in its forebay.yaml to a folder or an "
        "s3:// URI");
  }
  int64_t age_us = loaded.config.cold_after_us;
  if (!older_than.empty()) {
    absl::StatusOr<int64_t> given = ParseDuration(older_than);
    if (!given.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("--older-than '{}': {}", older_than, std::string(given.status().message())));
    }
    age_us = *given;
  }
  ASSIGN_OR_RETURN(std::vector<TableId> tables, ChooseTables(*loaded.project, names));
  std::shared_ptr<ObjectStore> warehouse =
      OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
  const TieringOptions options{.cold = *loaded.config.cold,
                               .s3 = loaded.config.s3,
                               .dates_before = absl::ToUnixMicros(absl::Now()) - age_us,
                               .compaction = CompactionOptionsOf(loaded.config)};
  return RewriteAll(warehouse, tables, "moved",
                    [&](DeltaTable* table) { return TierTable(warehouse, table, options); });
}

}  // namespace

void AddCompactCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<CompactArguments>();
  CLI::App* command = app->add_subcommand(
      "compact", "Merge the small files of offline tables into sorted ones; safe beside workers");
  command->add_option("table", arguments->tables,
                      "Only these, as VIEW, VIEW@VERSION or events/SOURCE");
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  CLI::Option* tasks = AddTaskOptions(command, &arguments->tasks);
  command
      ->add_flag("--finish", arguments->finish,
                 "When all tasks have run: commit what they have merged")
      ->excludes(tasks);
  command->callback([=] { *exit_code = Report(Compact(*arguments)); });
}

void AddTierCommand(CLI::App* app, int* exit_code) {
  auto folder = std::make_shared<std::string>(".");
  auto tables = std::make_shared<std::vector<std::string>>();
  auto older_than = std::make_shared<std::string>();
  CLI::App* command = app->add_subcommand(
      "tier", "Move old dates of offline tables to the cold location; safe beside workers");
  command->add_option("table", *tables, "Only these, as VIEW, VIEW@VERSION or events/SOURCE");
  command->add_option("--older-than", *older_than,
                      "Instead of offline.cold_after: a duration since a date ended");
  command->add_option("-p,--project", *folder, "The project's folder")->capture_default_str();
  command->callback([=] { *exit_code = Report(Tier(*folder, *tables, *older_than)); });
}

}  // namespace forebay
