// The state folder of a worker: whose it is, which format it has, and who works in it.
//
//   ASSIGN_OR_RETURN(StateFolder folder, OpenStateFolder("state", "fraud"));
//
// It holds a FORMAT file (who and what, never rewritten), a LOCK file (flock, with the pid of the
// worker that holds it) and one folder per task, named <topic>-<partition>.
#ifndef FOREBAY_ONLINE_STORE_STATE_FOLDER_H_
#define FOREBAY_ONLINE_STORE_STATE_FOLDER_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/batch/event_batch.h"

namespace forebay {

// Of the folder as a whole; a change makes older programs refuse it.
inline constexpr int kStateFormatVersion = 1;

// What the FORMAT file says, as JSON: {"product": "forebay", "format_version": 1, "project":
// "fraud", "uuid": "..."}. The uuid is drawn when the folder is made.
struct StateIdentity {
  int format_version = kStateFormatVersion;
  std::string project;
  std::string uuid;
};

// Owns the lock: while it lives no other process opens the folder. Movable.
class StateFolder {
 public:
  StateFolder(StateFolder&& other) noexcept;
  StateFolder& operator=(StateFolder&& other) noexcept;
  ~StateFolder();

  const std::filesystem::path& path() const { return path_; }
  const StateIdentity& identity() const { return identity_; }

 private:
  friend absl::StatusOr<StateFolder> OpenStateFolder(const std::filesystem::path& path,
                                                     const std::string& project);
  StateFolder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::filesystem::path path_;
  StateIdentity identity_;
  int lock_ = -1;  // file descriptor
};

// Makes the folder if there is none. Errors: FAILED_PRECONDITION: state of another project, a newer
// format, in use by another worker, not writable, files of somebody else; DATA_LOSS: FORMAT is not
// what we write; RESOURCE_EXHAUSTED: disk full.
absl::StatusOr<StateFolder> OpenStateFolder(const std::filesystem::path& path,
                                            const std::string& project);

// Reads FORMAT without the lock, for tools that look beside a running worker. NOT_FOUND: no state
// folder.
absl::StatusOr<StateIdentity> ReadStateIdentity(const std::filesystem::path& path);

// The folder of one task, which stores and logs of the task share. Not created.
std::filesystem::path TaskFolder(const std::filesystem::path& state, const TaskId& task);

// The tasks that have a folder here, sorted.
absl::StatusOr<std::vector<TaskId>> ListTasks(const std::filesystem::path& state);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_STORE_STATE_FOLDER_H_
