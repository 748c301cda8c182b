#include "online/store/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "schemas/definition/view_fingerprint.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormatFile = "FORMAT";
constexpr std::string_view kFormatDraft = "FORMAT.new";
constexpr std::string_view kLockFile = "LOCK";
constexpr std::string_view kViewsFile = "VIEWS";
constexpr std::string_view kViewsDraft = "VIEWS.new";
constexpr std::string_view kResetFile = "RESET";
constexpr std::string_view kResetDraft = "RESET.new";

absl::Status FileError(int error, const fs::path& folder, std::string_view doing) {
  std::string what = fmt::format("cannot {} in the state folder {}: {}", doing, folder.string(),
                                 std::generic_category().message(error));
  if (error == ENOSPC || error == EDQUOT) {
    return absl::ResourceExhaustedError(what + ": free some space and start again");
  }
  return absl::FailedPreconditionError(
      what + ": give this user write access, or set another state folder in forebay.yaml");
}

std::string RandomUuid() {
  std::random_device device;
  std::array<uint32_t, 4> bits = {device(), device(), device(), device()};
  bits[1] = (bits[1] & 0xFFFF0FFF) | 0x00004000;  // version 4
  bits[2] = (bits[2] & 0x3FFFFFFF) | 0x80000000;  // variant 1
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:04x}{:08x}", bits[0], bits[1] >> 16,
                     bits[1] & 0xFFFF, bits[2] >> 16, bits[2] & 0xFFFF, bits[3]);
}

// Writes all of `text` and makes it durable.
int WriteFile(const fs::path& path, std::string_view text) {
  int file = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) return errno;
  int error = 0;
  while (!text.empty() && error == 0) {
    ssize_t written = write(file, text.data(), text.size());
    if (written < 0) {
      error = errno == EINTR ? 0 : errno;
    } else {
      text.remove_prefix(written);
    }
  }
  if (error == 0 && fsync(file) != 0) error = errno;
  close(file);
  return error;
}

int SyncFolder(const fs::path& path) {
  int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return errno;
  int error = fsync(folder) == 0 ? 0 : errno;
  close(folder);
  return error;
}

// All of it or nothing is there under `name` afterwards, also after a power cut.
absl::Status WriteDurably(const fs::path& folder, std::string_view draft, std::string_view name,
                          std::string_view text) {
  int error = WriteFile(folder / draft, text);
  if (error == 0 && rename((folder / draft).c_str(), (folder / name).c_str()) != 0) error = errno;
  if (error == 0) error = SyncFolder(folder);
  return error == 0 ? absl::OkStatus() : FileError(error, folder, fmt::format("write {}", name));
}

absl::Status Remove(const fs::path& folder, const fs::path& name) {
  std::error_code error;
  fs::remove_all(folder / name, error);
  if (error) return FileError(error.value(), folder, fmt::format("remove {}", name.string()));
  int sync_error = SyncFolder(folder);
  return sync_error == 0 ? absl::OkStatus() : FileError(sync_error, folder, "remove files");
}

absl::Status WriteIdentity(const fs::path& folder, const StateIdentity& identity) {
  nlohmann::ordered_json json = {{"product", "forebay"},
                                 {"format_version", identity.format_version},
                                 {"project", identity.project},
                                 {"uuid", identity.uuid}};
  return WriteDurably(folder, kFormatDraft, kFormatFile, json.dump(2) + "\n");
}

absl::Status WriteViews(const fs::path& folder, const ViewFingerprints& views) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [view, fingerprint] : views) json[view.ToString()] = fingerprint;
  return WriteDurably(folder, kViewsDraft, kViewsFile, json.dump(2) + "\n");
}

// A file that is not of the folder as it is before its first task; empty: there is none.
absl::StatusOr<std::string> FindStranger(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator entry(folder, error), end;
  for (; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name != kLockFile && name != kFormatFile && name != kFormatDraft && name != "lost+found")
      return name;
  }
  if (error) return FileError(error.value(), folder, "list files");
  return std::string();
}

// A folder without FORMAT is taken only if nothing else is in it: a wrong path in forebay.yaml must
// not turn somebody's folder into state.
absl::Status CheckEmpty(const fs::path& folder) {
  ASSIGN_OR_RETURN(std::string stranger, FindStranger(folder));
  if (stranger.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "{} is not a state folder: it holds {} but no FORMAT file; set the state folder in "
      "forebay.yaml to an empty or new folder",
      folder.string(), stranger));
}

std::string LockHolder(int lock) {
  std::array<char, 32> text{};
  ssize_t length = pread(lock, text.data(), text.size(), 0);
  int pid = 0;
  if (length <= 0 || std::from_chars(text.data(), text.data() + length, pid).ec != std::errc()) {
    return "another process";
  }
  return fmt::format("another worker, process {}", pid);
}

// The locked descriptor.
absl::StatusOr<int> Lock(const fs::path& folder) {
  int lock = open((folder / kLockFile).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (lock < 0) return FileError(errno, folder, "open LOCK");
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    int error = errno;
    std::string holder = LockHolder(lock);
    close(lock);
    if (error != EWOULDBLOCK) return FileError(error, folder, "lock LOCK");
    return absl::FailedPreconditionError(
        fmt::format("the state folder {} is in use by {}: stop that one first; each worker has a "
                    "state folder of its own",
                    folder.string(), holder));
  }
  std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(lock, 0) != 0 || pwrite(lock, pid.data(), pid.size(), 0) < 0) {
    int error = errno;
    close(lock);
    return FileError(error, folder, "write LOCK");
  }
  return lock;
}

// Makes `path` if there is none, for this user alone.
absl::Status MakeFolder(const fs::path& path) {
  std::error_code error;
  fs::path absolute = fs::absolute(path, error);
  // "state/" has no name of its own.
  if (!absolute.has_filename()) absolute = absolute.parent_path();
  if (!error) fs::create_directories(absolute.parent_path(), error);
  if (error) return FileError(error.value(), path, "make folders");
  if (mkdir(absolute.c_str(), 0700) == 0 || (errno == EEXIST && fs::is_directory(absolute, error)))
    return absl::OkStatus();
  return FileError(errno, path, "make folders");
}

// Takes from others what they may do with the folder, which holds what events say of users. False:
// it is not ours, and they still may.
bool MakePrivate(const fs::path& folder) {
  struct stat status {};
  if (stat(folder.c_str(), &status) != 0 || (status.st_mode & (S_IRWXG | S_IRWXO)) == 0)
    return true;
  return chmod(folder.c_str(), S_IRWXU) == 0;
}

absl::Status CheckIdentity(const fs::path& folder, const StateIdentity& identity,
                           const std::string& project) {
  if (identity.project != project) {
    return absl::FailedPreconditionError(
        fmt::format("the state folder {} belongs to project {}, not to {}: set another state "
                    "folder in forebay.yaml",
                    folder.string(), identity.project, project));
  }
  return absl::OkStatus();
}

}  // namespace

StateFolder::StateFolder(StateFolder&& other) noexcept
    : path_(std::move(other.path_)),
      identity_(std::move(other.identity_)),
      private_(other.private_),
      lock_(std::exchange(other.lock_, -1)) {}

StateFolder& StateFolder::operator=(StateFolder&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(identity_, other.identity_);
  std::swap(private_, other.private_);
  std::swap(lock_, other.lock_);
  return *this;
}

StateFolder::~StateFolder() {
  if (lock_ >= 0) close(lock_);
}

absl::StatusOr<StateFolder> OpenStateFolder(const fs::path& path, const std::string& project,
                                            UnfinishedReset unfinished) {
  RETURN_IF_ERROR(MakeFolder(path));
  ASSIGN_OR_RETURN(int lock, Lock(path));
  StateFolder folder(path, lock);
  absl::StatusOr<StateIdentity> identity = ReadStateIdentity(path);
  if (absl::IsNotFound(identity.status())) {
    RETURN_IF_ERROR(CheckEmpty(path));
    identity = StateIdentity{kStateFormatVersion, project, RandomUuid()};
    RETURN_IF_ERROR(WriteIdentity(path, *identity));
  }
  if (!identity.ok()) return identity.status();
  RETURN_IF_ERROR(CheckIdentity(path, *identity, project));
  if (unfinished == UnfinishedReset::kRefuse) RETURN_IF_ERROR(CheckNoUnfinishedReset(path));
  folder.identity_ = *std::move(identity);
  folder.private_ = MakePrivate(path);
  return folder;
}

absl::Status StateFolder::CheckViews(const ViewFingerprints& views) const {
  ASSIGN_OR_RETURN(ViewFingerprints kept, ReadViews(path_));
  for (const auto& [view, fingerprint] : views) {
    auto before = kept.find(view);
    if (before == kept.end() || before->second == fingerprint) continue;
    return ChangedUnderVersion(view, before->second, fingerprint,
                               "the state folder " + path_.string());
  }
  return absl::OkStatus();
}

absl::Status StateFolder::KeepViews(const ViewFingerprints& views) {
  ASSIGN_OR_RETURN(ViewFingerprints kept, ReadViews(path_));
  size_t before = kept.size();
  kept.insert(views.begin(), views.end());
  return kept.size() == before ? absl::OkStatus() : WriteViews(path_, kept);
}

absl::Status StateFolder::ForgetViews(const std::set<ViewId>& views) {
  ASSIGN_OR_RETURN(ViewFingerprints kept, ReadViews(path_));
  size_t forgotten = std::erase_if(kept, [&](const auto& of) { return views.contains(of.first); });
  return forgotten == 0 ? absl::OkStatus() : WriteViews(path_, kept);
}

absl::Status StateFolder::BeginReset(const std::vector<std::string>& what) {
  return WriteDurably(path_, kResetDraft, kResetFile, fmt::format("{}\n", fmt::join(what, "\n")));
}

absl::Status StateFolder::EndReset() { return Remove(path_, kResetFile); }

absl::Status StateFolder::Clear() {
  ASSIGN_OR_RETURN(std::vector<TaskId> tasks, ListTasks(path_));
  for (const TaskId& task : tasks)
    RETURN_IF_ERROR(Remove(path_, TaskFolder(path_, task).filename()));
  for (std::string_view file : {kViewsFile, kViewsDraft}) RETURN_IF_ERROR(Remove(path_, file));
  RETURN_IF_ERROR(EndReset());
  RETURN_IF_ERROR(Remove(path_, kResetDraft));
  ASSIGN_OR_RETURN(std::string stranger, FindStranger(path_));
  return stranger.empty() ? Remove(path_, kFormatFile) : absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ReadUnfinishedReset(const fs::path& path) {
  std::ifstream in(path / kResetFile);
  if (!in) {
    int error = errno;
    if (error != ENOENT && error != ENOTDIR) return FileError(error, path, "read RESET");
    return std::vector<std::string>();
  }
  std::vector<std::string> what;
  for (std::string line; std::getline(in, line);) what.push_back(line);
  return what;
}

absl::Status CheckNoUnfinishedReset(const fs::path& folder) {
  ASSIGN_OR_RETURN(std::vector<std::string> unfinished, ReadUnfinishedReset(folder));
  if (unfinished.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("a reset was begun and not finished, so that a part of what it is to remove is "
                  "gone: run `forebay reset {}` again (state folder {})",
                  fmt::join(unfinished, " "), folder.string()));
}

absl::StatusOr<ViewFingerprints> ReadViews(const fs::path& path) {
  ViewFingerprints views;
  fs::path file = path / kViewsFile;
  std::ifstream in(file);
  if (!in) {
    int error = errno;
    if (error != ENOENT && error != ENOTDIR) return FileError(error, path, "read VIEWS");
    return views;
  }
  nlohmann::json json = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  bool intact = json.is_object();
  for (const auto& [name, fingerprint] : json.items()) {
    std::optional<ViewId> view = ParseViewId(name);
    intact = intact && view.has_value() && fingerprint.is_string();
    if (intact) views[*view] = fingerprint.get<std::string>();
  }
  if (intact) return views;
  return absl::DataLossError(fmt::format(
      "{} is not a VIEWS file of forebay: restore it, or remove it and see to it that no view has "
      "changed under its version since it last ran",
      file.string()));
}

absl::StatusOr<StateIdentity> ReadStateIdentity(const fs::path& path) {
  fs::path file = path / kFormatFile;
  std::ifstream in(file);
  if (!in) {
    int error = errno;
    if (error == ENOENT || error == ENOTDIR) {
      return absl::NotFoundError(
          fmt::format("{} is not a state folder: no FORMAT file", path.string()));
    }
    return FileError(error, path, "read FORMAT");
  }
  nlohmann::json json = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  auto text = [&](const char* name) {
    return json.is_object() && json.contains(name) && json[name].is_string()
               ? json[name].get<std::string>()
               : std::string();
  };
  if (text("product") != "forebay" || !json.contains("format_version") ||
      !json["format_version"].is_number_integer()) {
    return absl::DataLossError(
        fmt::format("{} is not a FORMAT file of forebay: if the folder is a state folder, delete "
                    "the folder and "
                    "start again, and it is rebuilt from the topics as far back as they reach",
                    file.string()));
  }
  StateIdentity identity{json["format_version"].get<int>(), text("project"), text("uuid")};
  if (identity.format_version > kStateFormatVersion) {
    return absl::FailedPreconditionError(
        fmt::format("the state folder {} has format version {}, and this forebay knows versions up "
                    "to {}: upgrade forebay",
                    path.string(), identity.format_version, kStateFormatVersion));
  }
  return identity;
}

fs::path TaskFolder(const fs::path& state, const TaskId& task) {
  return state / fmt::format("{}-{}", task.topic, task.partition.value());
}

absl::StatusOr<std::vector<TaskId>> ListTasks(const fs::path& state) {
  std::vector<TaskId> tasks;
  std::error_code error;
  fs::directory_iterator entry(state, error), end;
  for (; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    size_t dash = name.rfind('-');
    if (dash == std::string::npos || dash == 0 || !entry->is_directory()) continue;
    int32_t partition = 0;
    const char* last = name.data() + name.size();
    auto [stop, failure] = std::from_chars(name.data() + dash + 1, last, partition);
    if (failure != std::errc() || stop != last) continue;
    tasks.push_back({name.substr(0, dash), PartitionId(partition)});
  }
  if (error) return FileError(error.value(), state, "list files");
  std::sort(tasks.begin(), tasks.end());
  return tasks;
}

}  // namespace forebay
