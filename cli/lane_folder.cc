#include "cli/lane_folder.h"

#include <spdlog/spdlog.h>

#include <system_error>
#include <vector>

#include "engine/task/stored_views.h"
#include "forebay/v1/state.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {

namespace fs = std::filesystem;

fs::path LanePath(const fs::path& state) { return state / "lane"; }

absl::StatusOr<std::unique_ptr<LaneFolder>> LaneFolder::Open(const fs::path& state,
                                                             const std::string& project,
                                                             const StoreLimits& limits) {
  ASSIGN_OR_RETURN(StateFolder folder, OpenStateFolder(LanePath(state), project));
  return std::unique_ptr<LaneFolder>(new LaneFolder(std::move(folder), limits));
}

absl::StatusOr<std::set<ViewId>> ViewsInLane(const fs::path& state) {
  std::set<ViewId> views;
  const fs::path lane = LanePath(state);
  std::error_code error;
  fs::remove_all(state / "lane.gone", error);
  if (!fs::exists(lane, error)) return views;
  ASSIGN_OR_RETURN(std::vector<TaskId> tasks, ListTasks(lane));
  for (const TaskId& task : tasks) {
    absl::StatusOr<std::unique_ptr<StateStore>> store = OpenStoreForReading(lane, task);
    if (absl::IsNotFound(store.status())) continue;
    RETURN_IF_ERROR(store.status());
    ASSIGN_OR_RETURN(v1::TaskMeta meta, ReadTaskMeta(**store));
    for (const v1::StoredView& view : meta.views()) views.insert({view.name(), view.version()});
  }
  return views;
}

// Renamed first: what a kill leaves of it is no lane.
void RemoveLane(const fs::path& state) {
  const fs::path gone = state / "lane.gone";
  std::error_code error;
  fs::remove_all(gone, error);
  if (!error && fs::exists(LanePath(state), error)) fs::rename(LanePath(state), gone, error);
  if (!error) fs::remove_all(gone, error);
  if (error) {
    spdlog::warn("cannot remove the folder {}, which is of no use any more: {}",
                 LanePath(state).string(), error.message());
  }
}

}  // namespace forebay
