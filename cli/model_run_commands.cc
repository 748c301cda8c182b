#include "cli/model_run_commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "catalog/artifact_store.h"
#include "catalog/catalog_key.h"
#include "catalog/catalog_log.h"
#include "cli/command.h"
#include "cli/name_value.h"
#include "cli/project_catalog.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/random_id.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

struct RunArguments {
  std::string folder = ".";
  std::string model;
  std::string run;
  std::string status;
  std::string training_set;
  std::string description;
  std::vector<std::string> params;   // name=text
  std::vector<std::string> metrics;  // name=number
  std::optional<int64_t> step;
  std::string file;
  std::string artifact;
  std::string upload;
};

int64_t WallNow() { return absl::ToUnixMicros(absl::Now()); }

absl::Status CheckRunName(std::string_view what, const std::string& name) {
  if (IsCatalogName(name)) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format(
      "'{}' cannot be the name of a {}: names are lower-case letters, digits, _ - and ., from a "
      "letter, at most {}",
      name, what, kLongestCatalogName));
}

// "run-20260301-101500-6f1c": in the order of their times.
std::string MakeRunName(int64_t now_us) {
  std::string digits;
  for (char c : FormatTime(now_us).substr(0, 19)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  return fmt::format("run-{}-{}-{}", digits.substr(0, 8), digits.substr(8),
                     RandomId().substr(0, 4));
}

absl::Status CheckTrainingSet(const LoadedProject& loaded, const std::string& set) {
  if (set.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const CatalogLog::State state, OpenCatalog(loaded, "", "").Load());
  if (state->Find("training_set/" + set) != nullptr) return absl::OkStatus();
  return absl::NotFoundError(fmt::format(
      "the catalog has no training set '{}': name one with its version, as `forebay training-set "
      "--register` printed it",
      set));
}

absl::Status StartRun(const LoadedProject& loaded, const RunArguments& arguments) {
  const int64_t now = WallNow();
  ModelRun run{.run = {arguments.model, arguments.run.empty() ? MakeRunName(now) : arguments.run},
               .training_set = arguments.training_set,
               .description = arguments.description};
  RETURN_IF_ERROR(CheckRunName("model", run.run.model));
  RETURN_IF_ERROR(CheckRunName("run", run.run.run));
  RETURN_IF_ERROR(CheckTrainingSet(loaded, run.training_set));
  for (const std::string& text : arguments.params) {
    ASSIGN_OR_RETURN(auto pair, ParseNameValue("--param", text));
    run.params.insert(std::move(pair));
  }
  RETURN_IF_ERROR(OpenModelRuns(loaded).Start(run, now));
  fmt::print("{}\n", run.run.run);
  return absl::OkStatus();
}

absl::Status RunOrStatus(const LoadedProject& loaded, const RunArguments& arguments) {
  if (arguments.status.empty()) return StartRun(loaded, arguments);
  if (arguments.run.empty()) {
    return absl::InvalidArgumentError("--status is of a run that was started: name it");
  }
  return OpenModelRuns(loaded).SetStatus({arguments.model, arguments.run}, arguments.status,
                                         WallNow());
}

// Of lines such as {"step": 100, "loss": 0.31, "auc": 0.9}.
absl::StatusOr<std::vector<RunMetric>> ReadMetricsFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(fmt::format("--file {} cannot be read", path));
  std::vector<RunMetric> metrics;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    const bool has_step =
        json.is_object() && json.contains("step") && json["step"].is_number_integer();
    if (!has_step) {
      return absl::InvalidArgumentError(fmt::format(
          "{}:{}: expected an object with a whole number \"step\", and numbers by their names, "
          "such as {{\"step\": 100, \"loss\": 0.31}}",
          path, number));
    }
    for (const auto& [name, value] : json.items()) {
      if (name == "step") continue;
      if (!value.is_number()) {
        return absl::InvalidArgumentError(
            fmt::format("{}:{}: \"{}\" is not a number: {}", path, number, name, value.dump()));
      }
      metrics.push_back({json["step"].get<int64_t>(), name, value.get<double>()});
    }
  }
  return metrics;
}

absl::Status AddMetrics(const LoadedProject& loaded, const RunArguments& arguments) {
  std::vector<RunMetric> metrics;
  if (!arguments.file.empty()) {
    ASSIGN_OR_RETURN(metrics, ReadMetricsFile(arguments.file));
  }
  if (!arguments.metrics.empty() && !arguments.step) {
    return absl::InvalidArgumentError("--step is missing: of which step the metrics are");
  }
  for (const std::string& text : arguments.metrics) {
    ASSIGN_OR_RETURN(auto pair, ParseNameNumber("metric", text));
    metrics.push_back({*arguments.step, pair.first, pair.second});
  }
  if (metrics.empty()) {
    return absl::InvalidArgumentError(
        "there are no metrics: give some, as in --step 100 loss=0.31, or a file with --file");
  }
  RETURN_IF_ERROR(
      OpenModelRuns(loaded).AddMetrics({arguments.model, arguments.run}, metrics, WallNow()));
  fmt::print("{}\n", Counted(std::ssize(metrics), "metric", "metrics"));
  return absl::OkStatus();
}

absl::Status AddCheckpoint(const LoadedProject& loaded, const RunArguments& arguments) {
  if (arguments.artifact.empty() == arguments.upload.empty()) {
    return absl::InvalidArgumentError(
        "name where the checkpoint is, with --artifact URI, or its file, with --upload FILE");
  }
  ModelCheckpoint checkpoint{
      .run = {arguments.model, arguments.run}, .step = *arguments.step, .uri = arguments.artifact};
  for (const std::string& text : arguments.metrics) {
    ASSIGN_OR_RETURN(auto pair, ParseNameNumber("--metric", text));
    checkpoint.metrics.insert(std::move(pair));
  }
  ModelRuns runs = OpenModelRuns(loaded);
  RETURN_IF_ERROR(runs.Find(checkpoint.run).status());  // before a file is uploaded
  if (!arguments.upload.empty()) {
    auto warehouse = OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
    ASSIGN_OR_RETURN(const v1::Artifact artifact,
                     UploadArtifact(arguments.upload, warehouse.get()));
    checkpoint.uri = artifact.uri();
    checkpoint.sha256 = artifact.sha256();
    checkpoint.bytes = artifact.bytes();
  }
  RETURN_IF_ERROR(runs.AddCheckpoint(checkpoint, WallNow()));
  fmt::print("{}@{}: {}\n", checkpoint.run.run, checkpoint.step, checkpoint.uri);
  return absl::OkStatus();
}

template <typename Map>
std::string Pairs(const Map& map) {
  std::vector<std::string> pairs;
  for (const auto& [name, value] : map) pairs.push_back(fmt::format("{}={}", name, value));
  return fmt::format("{}", fmt::join(pairs, " "));
}

absl::Status ListRuns(const LoadedProject& loaded, const RunArguments& arguments) {
  const ModelRuns runs = OpenModelRuns(loaded);
  if (!arguments.run.empty()) {
    RETURN_IF_ERROR(runs.Find({arguments.model, arguments.run}).status());
    ASSIGN_OR_RETURN(const auto checkpoints, runs.Checkpoints({arguments.model, arguments.run}));
    for (const ModelCheckpoint& checkpoint : checkpoints) {
      fmt::print("{}@{}  {}  {}  {}\n", checkpoint.run.run, checkpoint.step,
                 FormatTime(checkpoint.time_us), checkpoint.uri, Pairs(checkpoint.metrics));
    }
    if (checkpoints.empty()) fmt::print("no checkpoints yet\n");
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::vector<ModelRun> list, runs.List(arguments.model));
  for (const ModelRun& run : list) {
    fmt::print("{}  {}  {}  {}  {}  {}\n", run.run.model, run.run.run, run.status,
               FormatTime(run.time_us), run.by, Pairs(run.params));
  }
  if (list.empty()) fmt::print("no runs yet: `forebay model run` starts one\n");
  return absl::OkStatus();
}

using RunAction = absl::Status (*)(const LoadedProject&, const RunArguments&);

}  // namespace

ModelRuns OpenModelRuns(const LoadedProject& loaded) {
  return {OpenObjectStore(loaded.config.warehouse, loaded.config.s3), loaded.config.project,
          WhoAndWhere()};
}

void AddModelRunCommands(CLI::App* command, int* exit_code) {
  auto arguments = std::make_shared<RunArguments>();
  auto add = [&](const char* name, const char* what, RunAction action, bool named) {
    CLI::App* added = command->add_subcommand(name, what);
    added->add_option("model", arguments->model, "The model's name, such as fraud")
        ->required(action != &ListRuns);
    added->add_option("run", arguments->run, "The run's name, such as tuesday")->required(named);
    added->add_option("-p,--project", arguments->folder, "The project's folder")
        ->capture_default_str();
    added->callback([=] {
      absl::StatusOr<LoadedProject> loaded = LoadOrExplain(arguments->folder);
      *exit_code = Report(loaded.ok() ? action(*loaded, *arguments) : loaded.status());
    });
    return added;
  };
  auto add_step = [&](CLI::App* to) {
    return to->add_option("--step", arguments->step, "Of the training, such as 1000");
  };
  CLI::App* run = add("run", "Start a run: a training of a model", &RunOrStatus, false);
  run->add_option("--training-set", arguments->training_set, "That it trains on (fraud_2026@3)");
  run->add_option("--param", arguments->params, "Such as depth=6; again for more")
      ->option_text("NAME=TEXT ...");
  run->add_option("--description", arguments->description, "What is said of it");
  run->add_option("--status", arguments->status, "Of a run that was started: how it ended")
      ->check(CLI::IsMember({"running", "finished", "failed"}));
  CLI::App* metric = add("metric", "Tell metrics of a run at a step", &AddMetrics, true);
  metric->add_option("metrics", arguments->metrics, "Such as loss=0.31 auc=0.9")
      ->option_text("NAME=NUMBER ...");
  add_step(metric);
  metric
      ->add_option("--file", arguments->file,
                   "Many at once: lines such as {\"step\": 100, \"loss\": 0.31}")
      ->option_text("FILE");
  CLI::App* checkpoint = add("checkpoint", "Tell of a checkpoint of a run", &AddCheckpoint, true);
  add_step(checkpoint)->required();
  checkpoint->add_option("--artifact", arguments->artifact, "Where it is: any URI")
      ->option_text("URI");
  checkpoint->add_option("--upload", arguments->upload, "Its file, to be kept in the warehouse")
      ->option_text("FILE");
  checkpoint->add_option("--metric", arguments->metrics, "Such as auc=0.91; again for more")
      ->option_text("NAME=NUMBER ...");
  add("runs", "All runs; of one run, its checkpoints", &ListRuns, false);
}

}  // namespace forebay
