#include "cli/training_set_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <tuple>

#include "cli/table_version_option.h"
#include "fmt/format.h"
#include "offline/training_set/label_times.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr int64_t kMostSteps = 1'000'000;

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

absl::StatusOr<std::vector<HorizonLabel>> HorizonLabels(const LabelArguments& arguments) {
  std::vector<HorizonLabel> labels;
  for (size_t i = 0; i < arguments.labels.size(); ++i) {
    const std::string& text = arguments.labels[i];
    const size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
      return absl::InvalidArgumentError(fmt::format(
          "--label {}: expected a name and a table, such as fraud=frauds.parquet", text));
    }
    HorizonLabel label{.name = text.substr(0, equals), .source = {.path = text.substr(equals + 1)}};
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

v1::TimeEncoding EncodingOf(std::string_view name) {
  auto named = [name](const TimeUnit& unit) { return unit.name == name; };
  return std::find_if(kTimeUnits.begin(), kTimeUnits.end(), named)->encoding;
}

template <typename Table>
std::vector<std::string> NamesOf(const Table& table) {
  std::vector<std::string> names;
  for (const auto& one : table) names.emplace_back(one.name);
  return names;
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> TimesOfKeys(const KeyTimesArguments& arguments) {
  if (!arguments.at.empty()) {
    ASSIGN_OR_RETURN(int64_t at, ParseTimeOption("--at", arguments.at));
    return std::vector<int64_t>{at};
  }
  if (arguments.from.empty() || arguments.to.empty() || arguments.every.empty()) {
    return absl::InvalidArgumentError(
        "name the times of the keys: --at 2026-01-31T00:00:00Z, or --from, --to and --every 1d");
  }
  ASSIGN_OR_RETURN(const TimeRange range, ParseTimeRange(arguments.from, arguments.to));
  const auto [from, to] = range;
  absl::StatusOr<int64_t> every = ParseDuration(arguments.every);
  if (!every.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("--every {}: {}", arguments.every, std::string(every.status().message())));
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

absl::Status TakeLabelArguments(const LabelArguments& arguments, TrainingSetRequest* request) {
  ASSIGN_OR_RETURN(request->horizon_labels, HorizonLabels(arguments));
  if (request->output.path.empty()) return absl::InvalidArgumentError("--out: name the output");
  if (request->features.empty()) return absl::InvalidArgumentError("--features: name some");
  if (arguments.keys.empty()) {
    if (request->labels.path.empty()) {
      return absl::InvalidArgumentError(
          "name the labels with --labels, or keys without a time with --keys");
    }
    if (!request->time_column.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("--time: name the column of the labels' times");
  }
  if (request->time_column.empty()) request->time_column = "time";
  ASSIGN_OR_RETURN(request->key_times, TimesOfKeys(arguments.times));
  request->all_keys = arguments.keys == "all";
  if (!request->all_keys) request->labels.path = arguments.keys;
  return absl::OkStatus();
}

void AddKeyTimesOptions(CLI::App* command, KeyTimesArguments* times) {
  CLI::Option* at =
      command->add_option("--at", times->at, "The time of the keys, RFC 3339 or microseconds");
  for (const auto& [name, value, what] :
       {std::tuple{"--from", &times->from, "The first time of the keys"},
        std::tuple{"--to", &times->to, "What their times are before"},
        std::tuple{"--every", &times->every, "How far they are apart, such as 1d"}})
    command->add_option(name, *value, what)->excludes(at);
}

void AddLabelOptions(CLI::App* command, LabelArguments* arguments, TrainingSetRequest* request) {
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
  AddKeyTimesOptions(command, &arguments->times);
  for (const char* name : {"--at", "--from", "--to", "--every"})
    command->get_option(name)->needs(keys);
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
  command
      ->add_option_function<std::string>(
          "--time-unit", [=](const std::string& name) { request->time_unit = EncodingOf(name); },
          "What whole numbers in the time column count, since 1970 UTC: s, ms, us or ns")
      ->check(CLI::IsMember(NamesOf(kTimeUnits)))
      ->option_text("UNIT");
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
      ->check(CLI::IsMember(NamesOf(kOutputFormats)))
      ->option_text("FORMAT");
  command
      ->add_option_function<std::string>(
          "--compression",
          [=](const std::string& name) {
            output->layout.compression =
                std::ranges::find(kOutputCompressions, name, &NamedOutputCompression::name)
                    ->compression;
          },
          "Of Parquet: snappy, zstd (smaller files, written in more time) or none")
      ->check(CLI::IsMember(NamesOf(kOutputCompressions)))
      ->default_str("snappy")
      ->option_text("CODEC");
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

}  // namespace forebay
