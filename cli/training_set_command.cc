// forebay training-set: labels joined point-in-time with features.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "cli/command.h"
#include "cli/table_version_option.h"
#include "engine/task/stored_state.h"
#include "engine/task/task_plan.h"
#include "fmt/format.h"
#include "offline/training_set/feature_list.h"
#include "offline/training_set/label_times.h"
#include "offline/training_set/training_set.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "schemas/types/byte_size.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/view_id.h"

namespace forebay {
namespace {

// Of all tasks that have one here, as they stand now.
absl::StatusOr<std::vector<StoredState>> ReadStates(const LoadedProject& loaded,
                                                    const std::vector<TaskPlan>& plans) {
  const std::filesystem::path& folder = loaded.config.state;
  ASSIGN_OR_RETURN(StateIdentity identity, ReadStateIdentity(folder));
  if (identity.project != loaded.project->name()) {
    return absl::FailedPreconditionError(fmt::format("the state folder {} is of project {}, not {}",
                                                     folder.string(), identity.project,
                                                     loaded.project->name()));
  }
  RETURN_IF_ERROR(CheckNoUnfinishedReset(folder));
  ASSIGN_OR_RETURN(std::vector<TaskId> tasks, ListTasks(folder));
  std::vector<StoredState> states;
  for (const TaskId& task : tasks) {
    auto of_topic = [&](const TaskPlan& plan) { return plan.topic == task.topic; };
    auto plan = std::find_if(plans.begin(), plans.end(), of_topic);
    if (plan == plans.end()) continue;
    absl::StatusOr<std::unique_ptr<StateStore>> store = OpenStoreForReading(folder, task);
    if (absl::IsNotFound(store.status())) continue;
    RETURN_IF_ERROR(store.status());
    ASSIGN_OR_RETURN(StoredState state, StoredState::Open(*plan, task, *std::move(store)));
    states.push_back(std::move(state));
  }
  return states;
}

// Of which features are asked for.
absl::StatusOr<std::vector<ViewId>> ViewsOf(const v1::Project& project,
                                            const std::vector<std::string>& features) {
  ASSIGN_OR_RETURN(std::vector<NamedFeature> resolved, ResolveFeatures(project, features));
  std::set<ViewId> views;
  for (const NamedFeature& feature : resolved) {
    const v1::FeatureView& view = project.feature_views(feature.view);
    views.insert({view.name(), view.version()});
  }
  return std::vector<ViewId>(views.begin(), views.end());
}

// How to ask for the same versions of the tables again.
std::string AgainOption(const TrainingSetSummary& summary) {
  std::string versions;
  for (const TrainingSetSummary::View& view : summary.views) {
    if (view.table_version < 0) return "";
    versions += fmt::format("{}{}={}", versions.empty() ? "--version " : ",",
                            ViewId{view.name, view.version}.ToString(), view.table_version);
  }
  return versions;
}

// What of the tables was read, and what was not.
void Explain(const TrainingSetSummary& summary) {
  for (const TrainingSetSummary::View& view : summary.views) {
    const JoinReads& reads = view.reads;
    fmt::print(
        "  {}: {} of {} read ({} left out: newer than every label, or of other keys)\n"
        "    {} of {} read ({} newer than every label, {} without a key of a label)\n"
        "    {} of keys, times and values at the rows that labels take, of {} in those files\n",
        ViewId{view.name, view.version}.ToString(), view.files_read,
        Counted(view.files_read + view.files_skipped, "file", "files"), view.files_skipped,
        reads.row_groups - reads.newer - reads.of_no_label,
        Counted(reads.row_groups, "row group", "row groups"), reads.newer, reads.of_no_label,
        ShowByteSize(reads.bytes), ShowByteSize(reads.bytes_in_all));
  }
}

absl::Status Build(const std::string& folder, const TableVersionOption& version,
                   TrainingSetRequest request, bool exact, bool explain) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(folder));
  ASSIGN_OR_RETURN(std::vector<ViewId> views, ViewsOf(*loaded.project, request.features));
  ASSIGN_OR_RETURN(request.versions, version.ParseFor(views));
  ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanTasks(*loaded.project));
  std::vector<StoredState> states;
  if (exact) {
    ASSIGN_OR_RETURN(states, ReadStates(loaded, plans));
    request.states = &states;
  }
  request.warehouse = OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
  request.output.encoding = loaded.config.parquet_encoding;
  request.output.s3 = loaded.config.s3;
  ASSIGN_OR_RETURN(TrainingSetSummary summary, BuildTrainingSet(*loaded.project, request));
  for (const std::string& note : summary.notes) fmt::print(stderr, "note: {}\n", note);
  for (const std::string& warning : summary.warnings) fmt::print(stderr, "warning: {}\n", warning);
  fmt::print("{} labels in {:.2f} s ({:.0f} a second), written to {}\n", summary.labels,
             summary.seconds, static_cast<double>(summary.labels) / std::max(summary.seconds, 1e-9),
             request.output.path);
  if (summary.files.size() > 1) {
    for (const OutputFile& file : summary.files)
      fmt::print("  {}: {}\n", file.path, Counted(file.rows, "row", "rows"));
  }
  for (const TrainingSetSummary::View& view : summary.views) {
    const std::string name = ViewId{view.name, view.version}.ToString();
    if (view.table_version < 0 && !exact) {
      fmt::print("  {}: nothing written offline yet, so all values are defaults\n", name);
      continue;
    }
    fmt::print("  {}: {} matched, {} read from {} ({} skipped), table version {}{}\n", name,
               Counted(view.matched, "label", "labels"), Counted(view.reads.rows, "row", "rows"),
               Counted(view.files_read, "file", "files"), view.files_skipped, view.table_version,
               exact
                   ? fmt::format(", {} of the state", Counted(view.from_state, "lookup", "lookups"))
                   : "");
  }
  if (explain) Explain(summary);
  if (std::string again = AgainOption(summary); !exact && !again.empty())
    fmt::print("  the same again, whatever is written meanwhile: {}\n", again);
  return absl::OkStatus();
}

std::vector<std::string> TimeUnitNames() {
  std::vector<std::string> names;
  for (const TimeUnit& unit : kTimeUnits) names.emplace_back(unit.name);
  return names;
}

v1::TimeEncoding EncodingOf(std::string_view name) {
  auto named = [name](const TimeUnit& unit) { return unit.name == name; };
  return std::find_if(kTimeUnits.begin(), kTimeUnits.end(), named)->encoding;
}

std::vector<std::string> OutputFormatNames() {
  std::vector<std::string> names;
  for (const NamedOutputFormat& format : kOutputFormats) names.emplace_back(format.name);
  return names;
}

void AddOutputOptions(CLI::App* command, OutputOptions* output) {
  command
      ->add_option_function<std::string>(
          "--out",
          [=](const std::string& path) {
            output->path = path;
            if (command->count("--out-format") == 0)
              output->format = FormatOfPath(path).value_or(output->format);
          },
          "What to write: a .parquet or .csv file; a folder, with --partition-by; a Delta table, "
          "with --out-format")
      ->required()
      ->option_text("PATH");
  command
      ->add_option_function<std::string>(
          "--out-format",
          [=](const std::string& name) {
            output->format =
                std::find_if(kOutputFormats.begin(), kOutputFormats.end(), [&](const auto& one) {
                  return one.name == name;
                })->format;
          },
          "parquet, csv or delta; default: what the name of the output tells, else parquet")
      ->check(CLI::IsMember(OutputFormatNames()))
      ->option_text("FORMAT");
  command->add_option("--partition-by", output->partition_by,
                      "A column, for whose values there are folders");
  command->add_flag("--overwrite", output->overwrite,
                    "Replace a folder or the rows of a Delta table that is there");
}

void AddSplitOptions(CLI::App* command, SplitRule* split) {
  CLI::Option* parts = command->add_option_function<std::string>(
      "--split",
      [=](const std::string& text) {
        absl::StatusOr<SplitRule> rule = ParseSplit(text);
        if (!rule.ok()) throw CLI::ValidationError(std::string(rule.status().message()));
        split->parts = std::move(rule->parts);
        split->by_time = rule->by_time;
      },
      "Shares of the keys, such as train=0.8,test=0.2, or times from which on: "
      "train,test=2026-01-31");
  parts->option_text("SPLITS");
  command->add_option("--split-seed", split->seed, "Another number splits the keys otherwise")
      ->needs(parts);
  command
      ->add_option("--split-by", split->columns,
                   "Columns of the labels to split by, comma separated; default: the key of the "
                   "first feature's entity")
      ->delimiter(',')
      ->needs(parts);
}

}  // namespace

void AddTrainingSetCommand(CLI::App* app, int* exit_code) {
  auto folder = std::make_shared<std::string>(".");
  auto request = std::make_shared<TrainingSetRequest>();
  auto exact = std::make_shared<bool>(false);
  auto explain = std::make_shared<bool>(false);
  CLI::App* command = app->add_subcommand(
      "training-set", "Join labels with the features that a lookup answered at their time");
  command
      ->add_option("--labels", request->labels, "Parquet or CSV file with entity keys and a time")
      ->required();
  command->add_option("--time", request->time_column, "The labels' time column")->required();
  command
      ->add_option_function<std::string>(
          "--time-unit", [=](const std::string& name) { request->time_unit = EncodingOf(name); },
          "What whole numbers in the time column count, since 1970 UTC: s, ms, us or ns")
      ->check(CLI::IsMember(TimeUnitNames()))
      ->option_text("UNIT");
  command
      ->add_option(
          "--features", request->features,
          "view.feature, view@version.feature, a view or a feature service, comma separated")
      ->required()
      ->delimiter(',');
  AddOutputOptions(command, &request->output);
  AddSplitOptions(command, &request->split);
  command->add_flag("--explain", *explain, "Say which files, row groups and bytes were read");
  command
      ->add_option_function<std::string>(
          "--memory",
          [=](const std::string& size) { request->memory_bytes = ParseByteSize(size).value(); },
          "About how much may be used, such as 1GB; by default as much as it takes")
      ->check([](const std::string& size) {
        absl::StatusOr<int64_t> bytes = ParseByteSize(size);
        return bytes.ok() ? std::string() : std::string(bytes.status().message());
      })
      ->option_text("SIZE");
  CLI::Option* exact_flag = command->add_flag(
      "--exact", *exact,
      "Where tables are not complete, take what lookups of the state folder answer");
  auto version = AddTableVersionOption(command);
  command->get_option("--version")->excludes(exact_flag);
  command->get_option("--as-of")->excludes(exact_flag);
  command->add_option("-p,--project", *folder, "The project's folder")->capture_default_str();
  command->callback(
      [=] { *exit_code = Report(Build(*folder, *version, *request, *exact, *explain)); });
}

}  // namespace forebay
