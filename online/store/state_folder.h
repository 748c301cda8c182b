// The state folder of a worker: whose it is, which format it has, and who works in it.
//
//   ASSIGN_OR_RETURN(StateFolder folder, OpenStateFolder("state", "fraud"));
//
// It holds a FORMAT file (who and what, never rewritten), a LOCK file (flock, with the pid of the
// process that holds it), a VIEWS file (what the definition of every view was that ever ran here),
// one folder per task, named <topic>-<partition>, and a RESET file while something that the project
// left is being removed, here or elsewhere.
#ifndef FOREBAY_ONLINE_STORE_STATE_FOLDER_H_
#define FOREBAY_ONLINE_STORE_STATE_FOLDER_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/batch/event_batch.h"
#include "schemas/types/view_id.h"

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

// What to do about a reset that was begun and not finished: part of what is to go is gone.
enum class UnfinishedReset : uint8_t { kRefuse, kTakeUp };

// ViewFingerprint by view.
using ViewFingerprints = std::map<ViewId, std::string>;

// Owns the lock: while it lives no other process opens the folder. Movable.
class StateFolder {
 public:
  StateFolder(StateFolder&& other) noexcept;
  StateFolder& operator=(StateFolder&& other) noexcept;
  ~StateFolder();

  const std::filesystem::path& path() const { return path_; }
  const StateIdentity& identity() const { return identity_; }
  // False: other users may read it, and as it is not ours, that could not be changed.
  bool is_private() const { return private_; }

  // Whether these are the views that ran here under their names and versions, if any did, since
  // removed from the definitions or not. FAILED_PRECONDITION: one is another (S4).
  absl::Status CheckViews(const ViewFingerprints& views) const;
  // Notes durably that these run. REQUIRES: CheckViews is OK.
  absl::Status KeepViews(const ViewFingerprints& views);
  absl::Status ForgetViews(const std::set<ViewId>& views);

  // Notes durably what a reset is to remove, as ReadUnfinishedReset gives it back. Until EndReset
  // or Clear, workers refuse the folder.
  absl::Status BeginReset(const std::vector<std::string>& what);
  absl::Status EndReset();
  // Removes what was kept of tasks: the folder is as new, for any project. Files of somebody else
  // stay, and keep it this project's.
  absl::Status Clear();

 private:
  friend absl::StatusOr<StateFolder> OpenStateFolder(const std::filesystem::path& path,
                                                     const std::string& project,
                                                     UnfinishedReset unfinished);
  StateFolder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::filesystem::path path_;
  StateIdentity identity_;
  bool private_ = true;
  int lock_ = -1;  // file descriptor
};

// Makes the folder if there is none; nobody but this user may read it afterwards. Errors:
// FAILED_PRECONDITION: state of another project, a newer format, in use by another worker, an
// unfinished reset, not writable, files of somebody else; DATA_LOSS: FORMAT is not what we write;
// RESOURCE_EXHAUSTED: disk full.
absl::StatusOr<StateFolder> OpenStateFolder(const std::filesystem::path& path,
                                            const std::string& project,
                                            UnfinishedReset unfinished = UnfinishedReset::kRefuse);

// What the reset under way or broken off here was to remove; empty: there is none.
absl::StatusOr<std::vector<std::string>> ReadUnfinishedReset(const std::filesystem::path& path);
// FAILED_PRECONDITION says how to finish it.
absl::Status CheckNoUnfinishedReset(const std::filesystem::path& path);

// Reads FORMAT without the lock, for tools that look beside a running worker. NOT_FOUND: no state
// folder.
absl::StatusOr<StateIdentity> ReadStateIdentity(const std::filesystem::path& path);

// The views that ran here. DATA_LOSS: VIEWS is not what we write.
absl::StatusOr<ViewFingerprints> ReadViews(const std::filesystem::path& path);

// The folder of one task, which stores and logs of the task share. Not created.
std::filesystem::path TaskFolder(const std::filesystem::path& state, const TaskId& task);

// The tasks that have a folder here, sorted.
absl::StatusOr<std::vector<TaskId>> ListTasks(const std::filesystem::path& state);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_STORE_STATE_FOLDER_H_
