#include "connectors/object_store/local_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "connectors/object_store/durable_file.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

class LocalReader : public ObjectReader {
 public:
  LocalReader(FileDescriptor file, std::string path, int64_t size)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}

  int64_t size() const override { return size_; }

  absl::StatusOr<int64_t> ReadAt(int64_t offset, int64_t length, void* out) const override {
    int64_t done = 0;
    while (done < length) {
      ssize_t n = pread(file_.get(), static_cast<char*>(out) + done, length - done, offset + done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return ErrnoStatus(errno, "read", path_);
      if (n == 0) break;
      done += n;
    }
    return done;
  }

 private:
  FileDescriptor file_;
  std::string path_;
  int64_t size_;
};

class LocalWriter : public ObjectWriter {
 public:
  explicit LocalWriter(AtomicFile file) : file_(std::move(file)) {}

  absl::Status Append(std::string_view bytes) override { return file_.Append(bytes); }
  absl::Status Finish() override { return file_.Finish(); }

 private:
  AtomicFile file_;
};

int64_t ModifiedMicros(const struct stat& info) {
  return info.st_mtim.tv_sec * int64_t{1'000'000} + info.st_mtim.tv_nsec / 1000;
}

absl::Status SetModified(int fd, int64_t micros, const std::string& path) {
  int64_t seconds = micros / 1'000'000;
  int64_t rest = micros % 1'000'000;
  if (rest < 0) {
    --seconds;
    rest += 1'000'000;
  }
  struct timespec times[2];
  times[0] = times[1] = {.tv_sec = seconds, .tv_nsec = rest * 1000};
  if (futimens(fd, times) != 0) return ErrnoStatus(errno, "set the time of", path);
  return absl::OkStatus();
}

}  // namespace

std::string LocalFileSystem::Describe(std::string_view path) const {
  return path.empty() ? root_ : fmt::format("{}/{}", root_, path);
}

absl::StatusOr<std::unique_ptr<ObjectReader>> LocalFileSystem::Open(std::string_view path) const {
  std::string full = Describe(path);
  ASSIGN_OR_RETURN(FileDescriptor file, OpenFile(full, O_RDONLY));
  struct stat info;
  if (fstat(file.get(), &info) != 0) return ErrnoStatus(errno, "read", full);
  if (S_ISDIR(info.st_mode)) return ErrnoStatus(EISDIR, "read", full);
  return std::make_unique<LocalReader>(std::move(file), std::move(full), info.st_size);
}

absl::StatusOr<std::string> LocalFileSystem::Get(std::string_view path) const {
  ASSIGN_OR_RETURN(std::unique_ptr<ObjectReader> reader, Open(path));
  std::string bytes(reader->size(), '\0');
  ASSIGN_OR_RETURN(int64_t n, reader->ReadAt(0, reader->size(), bytes.data()));
  bytes.resize(n);
  return bytes;
}

absl::StatusOr<std::vector<ObjectInfo>> LocalFileSystem::ListAfter(std::string_view folder,
                                                                   std::string_view after) const {
  std::string full = Describe(folder);
  std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(full.c_str()), closedir);
  std::vector<ObjectInfo> objects;
  if (dir == nullptr) {
    if (errno == ENOENT) return objects;
    return ErrnoStatus(errno, "list", full);
  }
  while (const dirent* entry = readdir(dir.get())) {
    std::string path = folder.empty() ? entry->d_name : fmt::format("{}/{}", folder, entry->d_name);
    struct stat info;
    if (path <= after || fstatat(dirfd(dir.get()), entry->d_name, &info, 0) != 0 ||
        !S_ISREG(info.st_mode))
      continue;
    objects.push_back(
        {.path = std::move(path), .size = info.st_size, .modified_us = ModifiedMicros(info)});
  }
  std::sort(objects.begin(), objects.end(),
            [](const ObjectInfo& a, const ObjectInfo& b) { return a.path < b.path; });
  return objects;
}

absl::StatusOr<std::vector<std::string>> LocalFileSystem::ListFolders(
    std::string_view folder) const {
  std::string full = Describe(folder);
  std::vector<std::string> folders;
  std::error_code error;
  std::filesystem::directory_iterator entry(full, error), end;
  for (; !error && entry != end; entry.increment(error)) {
    if (!entry->is_directory()) continue;
    std::string name = entry->path().filename();
    folders.push_back(folder.empty() ? name : fmt::format("{}/{}", folder, name));
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return ErrnoStatus(error.value(), "list", full);
  std::sort(folders.begin(), folders.end());
  return folders;
}

absl::Status LocalFileSystem::Put(std::string_view path, std::string_view bytes) {
  std::string full = Describe(path);
  RETURN_IF_ERROR(CreateFolders(FolderOf(full)));
  return WriteFileAtomically(full, bytes);
}

absl::StatusOr<std::unique_ptr<ObjectWriter>> LocalFileSystem::Create(std::string_view path) {
  std::string full = Describe(path);
  RETURN_IF_ERROR(CreateFolders(FolderOf(full)));
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(std::move(full)));
  return std::make_unique<LocalWriter>(std::move(file));
}

absl::Status LocalFileSystem::PutIfAbsent(std::string_view path, std::string_view bytes,
                                          std::optional<int64_t> modified_us) {
  std::string full = Describe(path);
  std::string folder = FolderOf(full);
  RETURN_IF_ERROR(CreateFolders(folder));
  ASSIGN_OR_RETURN(auto created, CreateTemporaryFile(folder + "/.put"));
  auto& [file, temporary] = created;
  absl::Status status = WriteAll(file.get(), bytes, full);
  if (status.ok() && modified_us) status = SetModified(file.get(), *modified_us, full);
  if (status.ok()) status = SyncFile(file.get(), full);
  // link() and not rename(): it fails where the name exists.
  if (status.ok() && link(temporary.c_str(), full.c_str()) != 0) {
    status = ErrnoStatus(errno, "create", full);
  }
  unlink(temporary.c_str());
  RETURN_IF_ERROR(status);
  return SyncFolder(folder);
}

absl::Status LocalFileSystem::Delete(std::string_view path) {
  std::string full = Describe(path);
  if (unlink(full.c_str()) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return ErrnoStatus(errno, "delete", full);
  }
  return SyncFolder(FolderOf(full));
}

absl::Status LocalFileSystem::DeleteFolder(std::string_view folder) {
  std::error_code error;
  std::string full = Describe(folder);
  if (std::filesystem::is_symlink(full, error)) {  // what it leads to, first
    std::filesystem::remove_all(std::filesystem::read_symlink(full, error), error);
    if (error) return ErrnoStatus(error.value(), "delete", full);
  }
  bool any = std::filesystem::remove_all(full, error) > 0;
  if (error) return ErrnoStatus(error.value(), "delete", full);
  if (!any) return absl::OkStatus();
  // As folders come with their first object, they go with their last.
  std::string_view parent = folder;
  while (true) {
    RETURN_IF_ERROR(SyncFolder(FolderOf(Describe(parent))));
    size_t slash = parent.rfind('/');
    if (slash == std::string_view::npos) return absl::OkStatus();
    parent = parent.substr(0, slash);
    if (rmdir(Describe(parent).c_str()) != 0) return absl::OkStatus();
  }
}

absl::Status LocalFileSystem::LinkFolder(std::string_view folder, const std::string& target) {
  std::error_code error;
  const std::string full = Describe(folder);
  const std::string wanted = std::filesystem::absolute(target, error).lexically_normal().string();
  if (error) return ErrnoStatus(error.value(), "find", target);
  if (symlink(wanted.c_str(), full.c_str()) == 0) {
    RETURN_IF_ERROR(CreateFolders(wanted));
    return SyncFolder(FolderOf(full));
  }
  if (errno != EEXIST) return ErrnoStatus(errno, "create the link", full);
  const std::filesystem::path found = std::filesystem::read_symlink(full, error);
  if (error || found != wanted) {
    return absl::FailedPreconditionError(
        fmt::format("{} {}, and not to {}: set it right, or move what is there", full,
                    error ? "is there" : "leads to " + found.string(), wanted));
  }
  if (!std::filesystem::is_directory(wanted, error)) {
    return absl::UnavailableError(fmt::format(
        "the folder {}, to which {} leads, is not there: mount it, or put it back", wanted, full));
  }
  return absl::OkStatus();
}

}  // namespace forebay
