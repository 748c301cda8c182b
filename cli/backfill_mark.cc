#include "cli/backfill_mark.h"

#include <string>

#include "connectors/object_store/durable_file.h"
#include "online/store/state_folder.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

std::filesystem::path MarkOf(const std::filesystem::path& state, const TaskId& task) {
  return TaskFolder(state, task) / "BACKFILLED";
}

}  // namespace

absl::Status MarkBackfilled(const std::filesystem::path& state, const TaskId& task) {
  return WriteFileAtomically(MarkOf(state, task).string(), "");
}

absl::Status UnmarkBackfilled(const std::filesystem::path& state, const TaskId& task) {
  std::error_code error;
  if (!std::filesystem::remove(MarkOf(state, task), error)) return absl::OkStatus();
  return SyncFolder(TaskFolder(state, task).string());
}

bool IsBackfilled(const std::filesystem::path& state, const TaskId& task) {
  std::error_code error;
  return std::filesystem::exists(MarkOf(state, task), error);
}

}  // namespace forebay
