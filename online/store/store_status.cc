#include "online/store/store_status.h"

#include <rocksdb/status.h>

#include <string>

#include "fmt/format.h"

namespace forebay {
namespace {

bool Mentions(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

}  // namespace

absl::Status DamagedStore(std::string_view what, const std::filesystem::path& folder) {
  return absl::DataLossError(
      fmt::format("the store {} is damaged: {}: stop the worker, delete the folder {} and start "
                  "again; the task is rebuilt from its topic, as far back as the topic reaches",
                  folder.string(), what, folder.parent_path().string()));
}

absl::Status StoreError(const rocksdb::Status& status, std::string_view doing,
                        const std::filesystem::path& folder) {
  std::string text = status.ToString();
  std::string what = fmt::format("cannot {} the store {}: {}", doing, folder.string(), text);
  if (status.IsNoSpace()) {
    return absl::ResourceExhaustedError(
        what +
        ": free some space and start again; nothing is lost, the task goes on from its last "
        "commit");
  }
  bool missing = status.IsIOError() && status.subcode() == rocksdb::Status::kPathNotFound;
  if (status.IsCorruption() || missing) return DamagedStore(text, folder);
  if (status.IsIOError()) {
    if (Mentions(text, "ermission denied") || Mentions(text, "ead-only file system")) {
      return absl::FailedPreconditionError(what + ": give this user write access to the folder");
    }
    if (Mentions(text, "lock ") || Mentions(text, "LOCK")) {
      return absl::FailedPreconditionError(what + ": it is open already");
    }
    return absl::ResourceExhaustedError(
        what +
        ": check the disk, its quotas and the limit on open files, then start again; nothing "
        "is lost, the task goes on from its last commit");
  }
  if (status.IsShutdownInProgress() || status.IsAborted() || status.IsBusy() ||
      status.IsTryAgain() || status.IsTimedOut()) {
    return absl::UnavailableError(what);
  }
  return absl::InternalError(what);
}

}  // namespace forebay
