#include "offline/training_set/training_tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "forebay/v1/definition.pb.h"
#include "offline/delta/table_version.h"
#include "offline/sink/table_flush.h"
#include "offline/training_set/baseline.h"
#include "offline/training_set/feature_list.h"
#include "offline/training_set/manifest.h"
#include "offline/training_set/request_json.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/task_line.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPartPrefix = "part-";
constexpr std::string_view kManifestEnding = ".manifest.json";

absl::Status CheckDivisible(const TrainingSetRequest& request) {
  auto refused = [](std::string_view what) {
    return absl::InvalidArgumentError(
        fmt::format("--tasks: {}; leave it out, or make the set as a whole", what));
  };
  if (request.output.format == OutputFormat::kDelta)
    return refused("parts are Parquet or CSV files, not a Delta table");
  if (!request.output.partition_by.empty()) return refused("parts have no --partition-by");
  if (!request.split.parts.empty()) return refused("parts have no --split");
  if (request.mode == TrainingSetMode::kEvent || request.leakage)
    return refused("each part would recompute all events");
  if (request.states != nullptr) return refused("--exact needs the states of this machine");
  if (request.labels.path == "-") return refused("labels on stdin are there for one task alone");
  return absl::OkStatus();
}

// The newest version of each table, or the one that was asked for.
absl::StatusOr<std::vector<TrainingSetSummary::View>> NewestTables(
    const v1::Project& project, const TrainingSetRequest& request) {
  ASSIGN_OR_RETURN(std::vector<ViewId> views, ViewsOf(project, request.features));
  std::vector<TrainingSetSummary::View> tables;
  for (const ViewId& view : views) {
    TrainingSetSummary::View table{.name = view.name, .version = view.version};
    absl::StatusOr<Snapshot> snapshot =
        LoadSnapshotAt(*request.warehouse, OfflineTablePath(view), request.VersionOf(view));
    if (snapshot.ok()) {
      table.table_version = snapshot->version;
      table.table_id = snapshot->metadata.id;
      table.positions = PositionsOf(project.name(), view, *snapshot);
    } else if (!absl::IsNotFound(snapshot.status())) {
      return snapshot.status();
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

absl::StatusOr<OrderedJson> ReadJson(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  OrderedJson json = OrderedJson::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  if (!file || json.is_discarded())
    return absl::FailedPreconditionError(fmt::format("cannot read the manifest {}", path.string()));
  return json;
}

// By their number.
absl::StatusOr<std::map<int, OrderedJson>> ReadParts(const std::string& folder) {
  std::map<int, OrderedJson> parts;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPartPrefix) || !name.ends_with(kManifestEnding)) continue;
    ASSIGN_OR_RETURN(OrderedJson json, ReadJson(entry.path()));
    const OrderedJson& part = json.at("request").at("part");
    if (!part.is_null()) parts[part.at("number").get<int>()] = std::move(json);
  }
  if (error) {
    return absl::NotFoundError(
        fmt::format("cannot list the parts in {}: {}", folder, error.message()));
  }
  if (parts.empty()) {
    return absl::FailedPreconditionError(fmt::format(
        "there are no parts in {}: run the tasks that --tasks N --print gives first", folder));
  }
  return parts;
}

absl::Status CheckParts(const std::map<int, OrderedJson>& parts, const std::string& folder) {
  const OrderedJson& first = parts.begin()->second;
  const int of = first.at("request").at("part").at("of").get<int>();
  std::vector<int> missing;
  for (int number = 0; number < of; ++number) {
    if (!parts.contains(number)) missing.push_back(number);
  }
  if (!missing.empty()) {
    return absl::FailedPreconditionError(fmt::format("{} of {} has not run: number {}",
                                                     Counted(missing.size(), "task", "tasks"), of,
                                                     fmt::join(missing, ", ")));
  }
  for (const auto& [number, json] : parts) {
    auto differs = [&](std::string_view what) {
      return absl::FailedPreconditionError(fmt::format(
          "parts 0 and {} in {} are not of one set: their {} differ; remove the folder, and divide "
          "the set again",
          number, folder, what));
    };
    if (number >= of) return differs("numbers of parts");
    for (const char* what : {"project", "inputs", "made_by"}) {
      if (json.at(what) != first.at(what)) return differs(what);
    }
    for (const char* what :
         {"labels", "features", "time_column", "horizon_labels", "key_times_us"}) {
      if (json.at("request").at(what) != first.at("request").at(what)) return differs(what);
    }
    for (const char* what : {"of", "of_labels"}) {
      if (json.at("request").at("part").at(what) != first.at("request").at("part").at(what))
        return differs("numbers of labels");
    }
    for (size_t i = 0; i < json.at("tables").size(); ++i) {
      for (const char* what : {"view", "version", "definition", "table_id", "table_version"}) {
        if (json.at("tables").at(i).at(what) != first.at("tables").at(i).at(what))
          return differs("tables");
      }
    }
  }
  return absl::OkStatus();
}

// Adds what a part counted.
void AddCounts(const OrderedJson& part, OrderedJson* set) {
  (*set)["labels"] = set->at("labels").get<int64_t>() + part.at("labels").get<int64_t>();
  for (size_t i = 0; i < part.at("tables").size(); ++i) {
    OrderedJson& table = set->at("tables").at(i);
    for (const char* count : {"labels_matched", "labels_past_complete"}) {
      table[count] =
          table.at(count).get<int64_t>() + part.at("tables").at(i).at(count).get<int64_t>();
    }
  }
  for (size_t i = 0; i < part.at("features").size(); ++i) {
    OrderedJson& feature = set->at("features").at(i);
    feature["nulls"] =
        feature.at("nulls").get<int64_t>() + part.at("features").at(i).at("nulls").get<int64_t>();
    feature["statistics"] =
        MergedStatistics(feature.value("statistics", OrderedJson()),
                         part.at("features").at(i).value("statistics", OrderedJson()));
  }
  for (const OrderedJson& file : part.at("outputs")) set->at("outputs").push_back(file);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> DivideTrainingSet(const v1::Project& project,
                                                           const std::string& project_folder,
                                                           const TrainingSetRequest& request,
                                                           int tasks) {
  RETURN_IF_ERROR(CheckDivisible(request));
  TrainingSetSummary newest;
  ASSIGN_OR_RETURN(newest.views, NewestTables(project, request));
  TrainingSetRequest pinned = request;
  for (const TrainingSetSummary::View& table : newest.views) {
    if (table.table_version >= 0)
      pinned.versions[{table.name, table.version}] = {.number = table.table_version};
  }
  ASSIGN_OR_RETURN(const int64_t labels, CountLabels(project, pinned));
  const auto count = static_cast<int>(std::clamp<int64_t>(labels, 1, tasks));
  std::vector<std::string> lines;
  for (int number = 0; number < count; ++number) {
    TrainingSetRequest part = pinned;
    part.part = {.number = number,
                 .of = count,
                 .from = labels * number / count,
                 .to = labels * (number + 1) / count,
                 .of_labels = labels};
    part.output.path =
        (fs::path(request.output.path) /
         fmt::format("{}{:05}.{}", kPartPrefix, number, OutputFormatName(request.output.format)))
            .string();
    OrderedJson task = NewTask(kTrainingSetTask, project_folder);
    task["memory_bytes"] = request.memory_bytes;
    task["tables"] = TablesJson(project, newest);
    task["request"] = RequestJson(part);
    lines.push_back(task.dump());
  }
  return lines;
}

absl::StatusOr<TrainingSetTask> ReadTrainingSetTask(const OrderedJson& json) {
  std::string what;
  try {
    TrainingSetTask task{.project_folder = ProjectOfTask(json),
                         .request = RequestOf(json.at("request")),
                         .tables = TablesOf(json.at("tables"))};
    task.request.memory_bytes = json.at("memory_bytes").get<int64_t>();
    return task;
  } catch (const nlohmann::json::exception& e) {
    what = e.what();
  }
  return absl::InvalidArgumentError(fmt::format("this is no task of a training set: {}", what));
}

absl::Status PinTables(const v1::Project& project, TrainingSetTask* task) {
  for (const TrainingSetSummary::View& table : task->tables)
    RETURN_IF_ERROR(PinTable(project, table, &task->request));
  return absl::OkStatus();
}

absl::StatusOr<std::string> FinishTasks(const std::string& folder) {
  std::string what;
  try {
    using Parts = std::map<int, OrderedJson>;
    ASSIGN_OR_RETURN(const Parts parts, ReadParts(folder));
    RETURN_IF_ERROR(CheckParts(parts, folder));
    OrderedJson set = parts.at(0);
    for (const auto& [number, part] : parts) {
      if (number > 0) AddCounts(part, &set);
    }
    const auto labels = std::max<double>(set.at("labels").get<double>(), 1);
    for (OrderedJson& feature : set.at("features"))
      feature["null_rate"] = feature.at("nulls").get<double>() / labels;
    set.erase("request");
    set["parts"] = OrderedJson::array();
    for (const auto& [number, part] : parts) set["parts"].push_back(part);
    const std::string path = ManifestPath(AbsolutePath(folder));
    const std::string partial = path + ".partial";
    std::ofstream(partial) << set.dump(2) << "\n";
    std::error_code error;
    fs::rename(partial, path, error);
    if (error)
      return absl::FailedPreconditionError(
          fmt::format("cannot write {}: {}", path, error.message()));
    return path;
  } catch (const nlohmann::json::exception& e) {
    what = e.what();
  }
  return absl::FailedPreconditionError(
      fmt::format("a manifest of a part in {} is damaged: {}", folder, what));
}

}  // namespace forebay
