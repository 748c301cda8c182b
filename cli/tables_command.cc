// forebay tables [TABLE]: what is in the offline tables and event archives of the warehouse.
#include <arrow/api.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>

#include "cli/command.h"
#include "cli/row_printer.h"
#include "cli/table_version_option.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "offline/inspect/table_facts.h"
#include "schemas/types/nearest_name.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Files of less than this part of the size that compaction makes them of are small.
constexpr int64_t kSmallPart = 4;

struct TablesArguments {
  std::string folder = ".";
  std::string name;
  RowFormat format = RowFormat::kTable;
  std::shared_ptr<TableVersionOption> version;
};

class FactsBatch {
 public:
  FactsBatch() {
    for (const char* column :
         {"rows", "files", "bytes", "small_files", "version", "oldest_version", "newest_version"})
      numbers_.push_back(arrow::field(column, arrow::int64()));
    for (const char* column : {"first_time", "last_time", "complete_before"})
      times_.push_back(arrow::field(column, arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")));
    for (const char* column : {"stage_1", "stage_2", "cold"})
      shares_.push_back(arrow::field(column, arrow::float64()));
    arrow::FieldVector fields = {arrow::field("table", arrow::utf8())};
    for (const arrow::FieldVector& more : {numbers_, times_, shares_})
      fields.insert(fields.end(), more.begin(), more.end());
    builder_ = arrow::RecordBatchBuilder::Make(arrow::schema(fields), arrow::default_memory_pool())
                   .ValueOrDie();
  }

  void Add(const std::string& name, const TableFacts& facts) {
    int column = 0;
    (void)builder_->GetFieldAs<arrow::StringBuilder>(column++)->Append(name);
    for (int64_t number : {facts.rows, facts.files, facts.bytes, facts.small_files, facts.version,
                           facts.oldest_version, facts.newest_version})
      (void)builder_->GetFieldAs<arrow::Int64Builder>(column++)->Append(number);
    for (const auto& time : {facts.first_time, facts.last_time, facts.complete_before})
      (void)builder_->GetFieldAs<arrow::TimestampBuilder>(column++)->AppendOrNull(time);
    const int64_t stage_1 = facts.bytes - facts.stage_2_bytes - facts.cold_bytes;
    for (int64_t bytes : {stage_1, facts.stage_2_bytes, facts.cold_bytes}) {
      const double share =
          facts.bytes == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(facts.bytes);
      (void)builder_->GetFieldAs<arrow::DoubleBuilder>(column++)->Append(std::round(share * 1000) /
                                                                         1000);
    }
  }

  std::shared_ptr<arrow::RecordBatch> Finish() { return builder_->Flush().ValueOrDie(); }

 private:
  arrow::FieldVector numbers_, times_, shares_;
  std::unique_ptr<arrow::RecordBatchBuilder> builder_;
};

// Those of `paths` that a person means by `name`: all for none, all versions of a view.
absl::StatusOr<std::vector<std::string>> Select(const std::vector<std::string>& paths,
                                                const std::string& name) {
  std::vector<std::string> selected, names;
  for (const std::string& path : paths) {
    const std::string full = TableName(path);
    names.push_back(full);
    if (name.empty() || full == name || full.substr(0, full.rfind('@')) == name)
      selected.push_back(path);
  }
  if (!selected.empty() || name.empty()) return selected;
  return absl::InvalidArgumentError(fmt::format("there is no table '{}'{}; there are: {}", name,
                                                DidYouMean(name, names), fmt::join(names, ", ")));
}

absl::Status Tables(const TablesArguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  ASSIGN_OR_RETURN(TableVersion version, arguments.version->Parse());
  std::shared_ptr<ObjectStore> store = OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
  ASSIGN_OR_RETURN(std::vector<std::string> all, FindTables(*store));
  ASSIGN_OR_RETURN(std::vector<std::string> paths, Select(all, arguments.name));
  if (version.number && paths.size() != 1) {
    return absl::InvalidArgumentError(
        "--version is of one table: name it, as in `forebay tables user_spend@1 --version 12`");
  }
  if (paths.empty()) fmt::print(stderr, "there is no table in {} yet\n", store->Describe(""));
  FactsBatch batch;
  absl::Status failed;  // of the others all is said
  for (const std::string& path : paths) {
    absl::StatusOr<TableFacts> facts =
        ReadTableFacts(*store, path, version, loaded.config.table_file_bytes / kSmallPart);
    if (facts.ok()) {
      batch.Add(TableName(path), *facts);
    } else if (failed.ok()) {
      failed = facts.status();
    } else {
      Report(facts.status());
    }
  }
  RowPrinter printer(arguments.format);
  printer.Print(*batch.Finish());
  printer.Finish();
  return failed;
}

}  // namespace

void AddTablesCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<TablesArguments>();
  CLI::App* command = app->add_subcommand(
      "tables", "Print what is in the offline tables: rows, files, versions, times");
  command->add_option("table", arguments->name,
                      "A view (view, view@version) or an archive (events/source); default: all");
  arguments->version = AddTableVersionOption(command);
  AddFormatOption(command, {RowFormat::kTable, RowFormat::kJson}, &arguments->format);
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  command->callback([arguments, exit_code] { *exit_code = Report(Tables(*arguments)); });
}

}  // namespace forebay
