// forebay training-set: labels joined point-in-time with features.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <tuple>

#include "cli/command.h"
#include "cli/table_version_option.h"
#include "engine/task/stored_state.h"
#include "engine/task/task_plan.h"
#include "fmt/format.h"
#include "offline/training_set/feature_list.h"
#include "offline/training_set/horizon_label.h"
#include "offline/training_set/label_times.h"
#include "offline/training_set/training_set.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "schemas/types/byte_size.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"
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

// The command line, as far as it is not in a request yet.
struct TrainingSetArguments {
  std::string folder = ".";
  std::string keys;  // "all", or where they are
  std::string at;
  std::string from;
  std::string to;
  std::string every;
  std::vector<std::string> labels;  // NAME=SOURCE
  std::vector<std::string> within;  // one for all of these, or one for each
  std::vector<std::string> label_times;
  std::string labels_until;
  bool exact = false;
  bool explain = false;
  std::shared_ptr<TableVersionOption> version;
};

constexpr int64_t kMostSteps = 1'000'000;

// Of --at, or of --from, --to and --every.
absl::StatusOr<std::vector<int64_t>> TimesOfKeys(const TrainingSetArguments& arguments) {
  if (!arguments.at.empty()) {
    ASSIGN_OR_RETURN(int64_t at, ParseTimeOption("--at", arguments.at));
    return std::vector<int64_t>{at};
  }
  if (arguments.from.empty() || arguments.to.empty() || arguments.every.empty()) {
    return absl::InvalidArgumentError(
        "--keys needs the times: --at 2026-01-31T00:00:00Z, or --from, --to and --every 1d");
  }
  ASSIGN_OR_RETURN(int64_t from, ParseTimeOption("--from", arguments.from));
  ASSIGN_OR_RETURN(int64_t to, ParseTimeOption("--to", arguments.to));
  absl::StatusOr<int64_t> every = ParseDuration(arguments.every);
  if (!every.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("--every {}: {}", arguments.every, std::string(every.status().message())));
  }
  if (from >= to) {
    return absl::InvalidArgumentError(
        fmt::format("--from {} is not before --to {}", arguments.from, arguments.to));
  }
  if ((to - from) / *every >= kMostSteps) {
    return absl::InvalidArgumentError(
        fmt::format("--every {}: from {} to {} these are more than {} times", arguments.every,
                    arguments.from, arguments.to, kMostSteps));
  }
  std::vector<int64_t> times;
  for (int64_t time = from; time < to; time += *every) times.push_back(time);
  return times;
}

// The one of `given` for label number `i`.
absl::StatusOr<std::string> ForLabel(const std::string& option, size_t i, size_t labels,
                                     const std::vector<std::string>& given) {
  if (given.size() == 1) return given[0];
  if (given.size() == labels) return given[i];
  return absl::InvalidArgumentError(
      fmt::format("{}: give one for all --label, or one for each, in their order; there are {} and "
                  "{}",
                  option, given.size(), Counted(labels, "label", "labels")));
}

absl::StatusOr<std::vector<HorizonLabel>> HorizonLabels(const TrainingSetArguments& arguments,
                                                        const S3Settings& s3) {
  std::vector<HorizonLabel> labels;
  for (size_t i = 0; i < arguments.labels.size(); ++i) {
    const std::string& text = arguments.labels[i];
    const size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
      return absl::InvalidArgumentError(fmt::format(
          "--label {}: expected a name and a table, such as fraud=frauds.parquet", text));
    }
    HorizonLabel label{.name = text.substr(0, equals),
                       .source = {.path = text.substr(equals + 1), .s3 = s3}};
    const size_t count = arguments.labels.size();
    ASSIGN_OR_RETURN(std::string within, ForLabel("--within", i, count, arguments.within));
    absl::StatusOr<int64_t> duration = ParseDuration(within);
    if (!duration.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("--within {}: {}", within, std::string(duration.status().message())));
    }
    label.within_us = *duration;
    ASSIGN_OR_RETURN(label.time_column, ForLabel("--label-time", i, count, arguments.label_times));
    if (!arguments.labels_until.empty()) {
      ASSIGN_OR_RETURN(label.until_us, ParseTimeOption("--labels-until", arguments.labels_until));
    }
    labels.push_back(std::move(label));
  }
  return labels;
}

absl::Status TakeLabelArguments(const TrainingSetArguments& arguments, const S3Settings& s3,
                                TrainingSetRequest* request) {
  request->labels.s3 = s3;
  ASSIGN_OR_RETURN(request->horizon_labels, HorizonLabels(arguments, s3));
  if (arguments.keys.empty()) {
    if (request->labels.path.empty()) {
      return absl::InvalidArgumentError(
          "name the labels with --labels, or keys without a time with --keys");
    }
    if (!request->time_column.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("--time: name the column of the labels' times");
  }
  if (request->time_column.empty()) request->time_column = "time";
  ASSIGN_OR_RETURN(request->key_times, TimesOfKeys(arguments));
  request->all_keys = arguments.keys == "all";
  if (!request->all_keys) request->labels.path = arguments.keys;
  return absl::OkStatus();
}

absl::Status Build(const TrainingSetArguments& arguments, TrainingSetRequest request) {
  const bool exact = arguments.exact;
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  RETURN_IF_ERROR(TakeLabelArguments(arguments, loaded.config.s3, &request));
  ASSIGN_OR_RETURN(std::vector<ViewId> views, ViewsOf(*loaded.project, request.features));
  ASSIGN_OR_RETURN(request.versions, arguments.version->ParseFor(views));
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
  if (arguments.explain) Explain(summary);
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

// Kept by the command's callback, as the arguments and the request are.
void AddLabelOptions(CLI::App* command, TrainingSetArguments* arguments,
                     TrainingSetRequest* request) {
  CLI::Option* labels =
      command
          ->add_option(
              "--labels", request->labels.path,
              "Entity keys and times: a .parquet or .csv file, a folder of Parquet files, a "
              "Delta table, or - for an Arrow stream on stdin")
          ->option_text("SOURCE");
  command
      ->add_option("--labels-version", request->labels.version,
                   "Of labels in a Delta table; default: the newest")
      ->option_text("VERSION");
  command->add_option("--time", request->time_column,
                      "The labels' time column; with --keys, what it is to be called (time)");
  CLI::Option* keys =
      command
          ->add_option("--keys", arguments->keys,
                       "Instead of labels: all keys that the tables have, or those of a file, at "
                       "given times")
          ->option_text("all|SOURCE")
          ->excludes(labels);
  CLI::Option* at =
      command->add_option("--at", arguments->at, "The time of --keys, RFC 3339 or microseconds")
          ->needs(keys);
  for (const auto& [name, value, what] :
       {std::tuple{"--from", &arguments->from, "The first time of --keys"},
        std::tuple{"--to", &arguments->to, "What the times of --keys are before"},
        std::tuple{"--every", &arguments->every, "How far they are apart, such as 1d"}})
    command->add_option(name, *value, what)->needs(keys)->excludes(at);
  CLI::Option* label = command
                           ->add_option("--label", arguments->labels,
                                        "A column to add: whether another table has a row of the "
                                        "key within some time after the label's")
                           ->option_text("NAME=SOURCE ...");
  CLI::Option* within =
      command->add_option("--within", arguments->within, "That time, such as 30d")->needs(label);
  CLI::Option* time =
      command->add_option("--label-time", arguments->label_times, "The time column of that table")
          ->needs(label);
  label->needs(within)->needs(time);
  command
      ->add_option("--labels-until", arguments->labels_until,
                   "Up to when that table is known; default: up to its latest time")
      ->needs(label);
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
  auto arguments = std::make_shared<TrainingSetArguments>();
  auto request = std::make_shared<TrainingSetRequest>();
  CLI::App* command = app->add_subcommand(
      "training-set", "Join labels with the features that a lookup answered at their time");
  AddLabelOptions(command, arguments.get(), request.get());
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
  command->add_flag("--explain", arguments->explain, "Say which files, row groups and bytes were read");
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
      "--exact", arguments->exact,
      "Where tables are not complete, take what lookups of the state folder answer");
  command->get_option("--keys")->excludes(exact_flag);
  arguments->version = AddTableVersionOption(command);
  command->get_option("--version")->excludes(exact_flag);
  command->get_option("--as-of")->excludes(exact_flag);
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  command->callback([=] { *exit_code = Report(Build(*arguments, *request)); });
}

}  // namespace forebay
