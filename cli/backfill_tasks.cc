#include "cli/backfill_tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "absl/time/clock.h"
#include "cli/backfill_mark.h"
#include "cli/backfill_plan.h"
#include "cli/backfill_process.h"
#include "cli/newest_updates.h"
#include "connectors/object_store/durable_file.h"
#include "connectors/object_store/object_store.h"
#include "engine/task/task_plan.h"
#include "forebay/v1/definition.pb.h"
#include "nlohmann/json.hpp"
#include "offline/delta/delta_table.h"
#include "offline/delta/table_range.h"
#include "offline/sink/table_flush.h"
#include "online/store/state_folder.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/counted.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/task_line.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view kPrefix = "task-";
constexpr char kLineFile[] = "TASK.json";

std::string FolderName(int number) { return fmt::format("{}{:05}", kPrefix, number); }

absl::Status FolderError(std::string_view doing, const fs::path& path,
                         const std::error_code& error) {
  return absl::FailedPreconditionError(
      fmt::format("cannot {} {}: {}", doing, path.string(), error.message()));
}

// What a task says of itself.
struct BackfillTask {
  int number = 0;
  int of = 1;
  fs::path folder;  // of all tasks
  std::vector<std::string> views;
  std::map<std::string, BackfillPart> part;  // by topic
  std::map<std::string, std::string> fingerprints;

  fs::path own_folder() const { return folder / FolderName(number); }
};

Json JsonOf(const std::map<std::string, BackfillPart>& part) {
  Json json = Json::object();
  for (const auto& [topic, of] : part) {
    json[topic] = {{"partitions", of.partitions}, {"taken", of.taken}, {"files", of.files}};
  }
  return json;
}

absl::StatusOr<BackfillTask> ReadTask(const Json& json) {
  std::string what;
  try {
    BackfillTask task{
        .number = json.at("number").get<int>(),
        .of = json.at("of").get<int>(),
        .folder = json.at("folder").get<std::string>(),
        .views = json.at("views").get<std::vector<std::string>>(),
        .fingerprints = json.at("definitions").get<std::map<std::string, std::string>>()};
    for (const auto& [topic, of] : json.at("partitions").items()) {
      task.part[topic] = {.partitions = of.at("partitions").get<int32_t>(),
                          .taken = of.at("taken").get<std::set<int>>(),
                          .files = of.at("files").get<std::string>()};
    }
    return task;
  } catch (const nlohmann::json::exception& e) {
    what = e.what();
  }
  return absl::InvalidArgumentError(fmt::format("this is no task of a backfill: {}", what));
}

std::map<std::string, std::string> TextsOf(const ViewFingerprints& fingerprints) {
  std::map<std::string, std::string> texts;
  for (const auto& [view, fingerprint] : fingerprints) texts[view.ToString()] = fingerprint;
  return texts;
}

absl::Status CheckDefinitions(const BackfillTask& task, const std::vector<TaskPlan>& plans) {
  if (TextsOf(FingerprintsOf(plans)) == task.fingerprints) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "the definitions are not those that the backfill was divided with: divide it again");
}

// The parts, all of one backfill, by number.
absl::StatusOr<std::vector<BackfillTask>> ReadTasks(const fs::path& folder) {
  std::map<int, BackfillTask> tasks;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    std::ifstream file(entry.path() / kLineFile);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) continue;  // not finished
    ASSIGN_OR_RETURN(Json json, ParseTask(text.str()));
    ASSIGN_OR_RETURN(BackfillTask task, ReadTask(json));
    if (name != FolderName(task.number)) continue;  // an attempt that did not come to its end
    task.folder = folder;
    tasks[task.number] = std::move(task);
  }
  if (error) return FolderError("list the tasks in", folder, error);
  if (tasks.empty()) {
    return absl::FailedPreconditionError(fmt::format(
        "no task has run in {}: run those that --tasks N --print gives first", folder.string()));
  }
  const BackfillTask& first = tasks.begin()->second;
  std::vector<int> missing;
  for (int number = 0; number < first.of; ++number) {
    if (!tasks.contains(number)) missing.push_back(number);
  }
  if (!missing.empty()) {
    return absl::FailedPreconditionError(fmt::format("{} of {} has not run: number {}",
                                                     Counted(missing.size(), "task", "tasks"),
                                                     first.of, fmt::join(missing, ", ")));
  }
  std::vector<BackfillTask> all;
  std::map<std::string, std::string> files;
  for (auto& [number, task] : tasks) {
    bool same = task.of == first.of && task.fingerprints == first.fingerprints;
    for (const auto& [topic, of] : task.part)
      same = same && files.try_emplace(topic, of.files).first->second == of.files;
    if (!same) {
      return absl::FailedPreconditionError(
          fmt::format("tasks {} and {} in {} are not of one backfill: remove the folder, and "
                      "divide the backfill again",
                      first.number, number, folder.string()));
    }
    all.push_back(task);
  }
  return all;
}

// What tasks made, on its way into the project.
class BackfillFinish {
 public:
  BackfillFinish(const LoadedProject& loaded, std::vector<BackfillTask> tasks,
                 const std::atomic<bool>& stop)
      : loaded_(loaded),
        tasks_(std::move(tasks)),
        stop_(stop),
        warehouse_(OpenObjectStore(loaded.config.warehouse, loaded.config.s3)) {}

  absl::StatusOr<std::vector<std::string>> Run();

 private:
  absl::Status CheckStates(const fs::path& state) const;
  absl::Status CheckUntilOf(const TaskPlan& plan) const;
  absl::Status AddTables(const v1::FeatureView& view);
  absl::Status MoveStates(const fs::path& state);

  const LoadedProject& loaded_;
  const std::vector<BackfillTask> tasks_;
  const std::atomic<bool>& stop_;
  const std::shared_ptr<ObjectStore> warehouse_;
  std::vector<std::string> said_;
};

absl::StatusOr<std::vector<std::string>> BackfillFinish::Run() {
  ASSIGN_OR_RETURN(std::vector<TaskPlan> plans,
                   PlanBackfill(*loaded_.project, tasks_.front().views));
  RETURN_IF_ERROR(CheckDefinitions(tasks_.front(), plans));
  ASSIGN_OR_RETURN(StateFolder state,
                   OpenStateFolder(loaded_.config.state, loaded_.project->name()));
  RETURN_IF_ERROR(state.CheckViews(FingerprintsOf(plans)));
  RETURN_IF_ERROR(CheckStates(state.path()));
  for (const TaskPlan& plan : plans) RETURN_IF_ERROR(CheckUntilOf(plan));
  for (const TaskPlan& plan : plans) {
    for (const ViewTaskPlan& view : plan.views) {
      if (view.definition->history() == v1::FeatureView::ON)
        RETURN_IF_ERROR(AddTables(*view.definition));
    }
  }
  CrashPoint("backfill.tables_added");
  ASSIGN_OR_RETURN(std::vector<std::string> published, PublishNewestRows(loaded_, plans, stop_));
  said_.insert(said_.end(), published.begin(), published.end());
  RETURN_IF_ERROR(state.KeepViews(FingerprintsOf(plans)));
  RETURN_IF_ERROR(MoveStates(state.path()));
  return said_;
}

// A state that is there and still to be moved, too, is another backfill's.
absl::Status BackfillFinish::CheckStates(const fs::path& state) const {
  for (const BackfillTask& task : tasks_) {
    for (const auto& [topic, of] : task.part) {
      for (int partition : of.taken) {
        const TaskId id{topic, PartitionId(partition)};
        std::error_code error;
        if (!fs::exists(TaskFolder(state, id), error) ||
            !fs::exists(TaskFolder(task.own_folder() / "state", id), error)) {
          continue;
        }
        return absl::FailedPreconditionError(
            fmt::format("the state folder {} has a state of {} already: go on with `forebay "
                        "backfill` without --tasks, or remove what was made with `forebay reset`",
                        state.string(), id.ToString()));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status BackfillFinish::CheckUntilOf(const TaskPlan& plan) const {
  if (!HasFilesBeforeTopic(*plan.source)) return absl::OkStatus();
  for (const BackfillTask& task : tasks_) {
    auto part = task.part.find(plan.topic);
    if (part == task.part.end()) continue;
    for (int partition : part->second.taken) {
      RETURN_IF_ERROR(CheckUntil(task.own_folder() / "state", {plan.topic, PartitionId(partition)},
                                 *plan.source));
    }
  }
  return absl::OkStatus();
}

// One commit, of the rows of all tasks.
absl::Status BackfillFinish::AddTables(const v1::FeatureView& view) {
  const ViewId id{view.name(), view.version()};
  const std::string path = OfflineTablePath(id);
  const int64_t now = absl::ToUnixMicros(absl::Now());
  std::unique_ptr<DeltaTable> table;
  AppendRequest request;
  for (const BackfillTask& task : tasks_) {
    std::shared_ptr<ObjectStore> store =
        OpenObjectStore(StoreUri::Folder((task.own_folder() / "warehouse").string()));
    absl::StatusOr<std::unique_ptr<DeltaTable>> part = DeltaTable::Open(store, path);
    if (absl::IsNotFound(part.status())) continue;  // it had no rows
    RETURN_IF_ERROR(part.status());
    const Snapshot& made = (*part)->snapshot();
    if (table == nullptr) {
      ASSIGN_OR_RETURN(table, DeltaTable::OpenOrCreate(warehouse_, path, *(*part)->DataSchema(),
                                                       now, made.metadata.configuration));
      RETURN_IF_ERROR(
          CheckOfWholeHistory(table->snapshot(), id.ToString(), warehouse_->Describe(path)));
    }
    const bool held = std::all_of(
        made.transactions.begin(), made.transactions.end(), [&](const auto& transaction) {
          return table->TransactionVersion(transaction.first) == transaction.second.version;
        });
    if (held) continue;
    for (const auto& [file, add] : made.files) {
      RETURN_IF_ERROR(CopyObject(*store, path + "/" + file, warehouse_.get(), path + "/" + file));
      request.files.push_back(add);
    }
    for (const auto& [app_id, transaction] : made.transactions)
      request.transactions[app_id] = transaction.version;
    request.clocks.insert(made.clocks.begin(), made.clocks.end());
  }
  if (request.transactions.empty()) return absl::OkStatus();
  CrashPoint("backfill.files_copied");
  ASSIGN_OR_RETURN(const int64_t version, table->Append(request, now));
  said_.push_back(fmt::format("{}: {} added as version {} of its table", id.ToString(),
                              Counted(request.files.size(), "file", "files"), version));
  return absl::OkStatus();
}

absl::Status BackfillFinish::MoveStates(const fs::path& state) {
  int64_t moved = 0;
  for (const BackfillTask& task : tasks_) {
    for (const auto& [topic, of] : task.part) {
      for (int partition : of.taken) {
        const TaskId id{topic, PartitionId(partition)};
        const fs::path from = TaskFolder(task.own_folder() / "state", id);
        std::error_code error;
        if (!fs::exists(from, error)) continue;
        RETURN_IF_ERROR(MoveFolder(from, TaskFolder(state, id)));
        CrashPoint("backfill.state_moved");
        ++moved;
      }
    }
  }
  said_.push_back(
      fmt::format("the states of {} moved to {}", Counted(moved, "task", "tasks"), state.string()));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> DivideBackfill(const LoadedProject& loaded,
                                                        const std::string& project_folder,
                                                        const std::vector<std::string>& views,
                                                        const std::string& folder, int tasks,
                                                        const std::atomic<bool>& stop) {
  ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanBackfill(*loaded.project, views));
  ASSIGN_OR_RETURN(auto partitions, CountPartitions(plans, loaded.config, stop));
  std::map<std::string, std::string> files;
  std::vector<std::pair<std::string, int>> all;
  for (const TaskPlan& plan : plans) {
    ASSIGN_OR_RETURN(BatchFiles of, ListFilesOf(plan, loaded.config.s3));
    files[plan.topic] = of.Identity();
    for (int p = 0; p < partitions.at(plan.topic); ++p) all.emplace_back(plan.topic, p);
  }
  const int count = std::clamp<int>(tasks, 1, static_cast<int>(all.size()));
  std::vector<std::string> lines;
  for (int number = 0; number < count; ++number) {
    std::map<std::string, BackfillPart> part;
    for (size_t i = number; i < all.size(); i += count) {
      const auto& [topic, partition] = all[i];
      BackfillPart& of = part[topic];
      of.partitions = partitions.at(topic);
      of.taken.insert(partition);
      of.files = files.at(topic);
    }
    Json task = NewTask(kBackfillTask, project_folder);
    task["number"] = number;
    task["of"] = count;
    task["folder"] = fs::absolute(folder).lexically_normal().string();
    task["views"] = views;
    task["definitions"] = TextsOf(FingerprintsOf(plans));
    task["partitions"] = JsonOf(part);
    lines.push_back(task.dump());
  }
  return lines;
}

absl::Status RunBackfillTask(LoadedProject loaded, const Json& json,
                             const std::atomic<bool>& stop) {
  ASSIGN_OR_RETURN(const BackfillTask task, ReadTask(json));
  ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanBackfill(*loaded.project, task.views));
  RETURN_IF_ERROR(CheckDefinitions(task, plans));
  std::error_code error;
  if (fs::exists(task.own_folder(), error)) {
    fmt::print("{}: has run already\n", task.own_folder().string());
    return absl::OkStatus();
  }
  fs::create_directories(task.folder, error);
  std::string attempt = task.own_folder().string() + ".XXXXXX";
  if (mkdtemp(attempt.data()) == nullptr)
    return FolderError("make a folder in", task.folder, {errno, std::generic_category()});
  loaded.config.state = fs::path(attempt) / "state";
  loaded.config.warehouse = StoreUri::Folder((fs::path(attempt) / "warehouse").string());
  absl::StatusOr<std::optional<std::vector<std::string>>> read =
      RunBackfill(loaded, {.views = task.views, .part = task.part}, stop);
  absl::Status status = read.status();
  if (status.ok() && !*read) status = absl::CancelledError("stopped; run the task again");
  if (status.ok()) status = WriteFileAtomically(attempt + "/" + kLineFile, json.dump() + "\n");
  CrashPoint("backfill.task_run");
  if (status.ok()) {
    fs::rename(attempt, task.own_folder(), error);
    // Another run of the task was first.
    if (error && !fs::exists(task.own_folder() / kLineFile))
      status = FolderError("rename", attempt, error);
  }
  fs::remove_all(attempt, error);
  RETURN_IF_ERROR(status);
  for (const std::string& line : **read) fmt::print("{}\n", line);
  return SyncFolder(task.folder.string());
}

absl::StatusOr<std::vector<std::string>> FinishBackfill(const LoadedProject& loaded,
                                                        const std::string& folder,
                                                        const std::atomic<bool>& stop) {
  ASSIGN_OR_RETURN(std::vector<BackfillTask> tasks, ReadTasks(folder));
  return BackfillFinish(loaded, std::move(tasks), stop).Run();
}

}  // namespace forebay
