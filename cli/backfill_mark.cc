#include "cli/backfill_mark.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>

#include "connectors/object_store/durable_file.h"
#include "forebay/v1/definition.pb.h"
#include "online/store/state_folder.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

std::filesystem::path MarkOf(const std::filesystem::path& state, const TaskId& task) {
  return TaskFolder(state, task) / "BACKFILLED";
}

std::filesystem::path UntilNoteOf(const std::filesystem::path& state, const TaskId& task) {
  return TaskFolder(state, task) / "UNTIL";
}

// As the definitions may write it.
std::string UntilText(const v1::BatchSource& batch) {
  if (batch.has_until_us()) return FormatTime(batch.until_us());
  return fmt::format("[{}]", fmt::join(batch.until_offsets(), ", "));
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

absl::Status NoteUntil(const std::filesystem::path& state, const TaskId& task,
                       const v1::Source& source) {
  RETURN_IF_ERROR(CreateFolders(TaskFolder(state, task).string(), 0700));
  return WriteFileAtomically(UntilNoteOf(state, task).string(), UntilText(source.batch()));
}

absl::Status CheckUntil(const std::filesystem::path& state, const TaskId& task,
                        const v1::Source& source) {
  const std::filesystem::path note = UntilNoteOf(state, task);
  std::ifstream in(note);
  if (!in) return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, "read", note.string());
  const std::string noted((std::istreambuf_iterator<char>(in)), {});
  const std::string now = UntilText(source.batch());
  if (noted == now) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "{}: `until` of the files of source {} was {} when they were read, and is {} now: what comes "
      "between would be missing, or come twice. Let it be as it was; or remove what the project "
      "left with `forebay reset --all`, and run `forebay backfill` anew",
      task.ToString(), source.name(), noted, now));
}

}  // namespace forebay
