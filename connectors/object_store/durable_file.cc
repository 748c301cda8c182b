#include "connectors/object_store/durable_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>
#include <system_error>
#include <vector>

#include "schemas/types/status_macros.h"

namespace forebay {

namespace fs = std::filesystem;
namespace {

std::string ErrorText(int error) { return std::generic_category().message(error); }

}  // namespace

absl::Status ErrnoStatus(int error, std::string_view doing, std::string_view path) {
  std::string what = fmt::format("cannot {} {}: {}", doing, path, ErrorText(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(what);
    case EEXIST:
      return absl::AlreadyExistsError(what);
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(what + "; free space there, then start again");
    case EFBIG:
      return absl::ResourceExhaustedError(what + "; raise the file size limit (ulimit -f)");
    case EMFILE:
    case ENFILE:
      return absl::ResourceExhaustedError(what + "; raise the open files limit (ulimit -n)");
    case EACCES:
    case EPERM:
      return absl::FailedPreconditionError(
          fmt::format("{}; give this user (uid {}) the right to write there", what, geteuid()));
    case EROFS:
      return absl::FailedPreconditionError(what + "; mount it writable");
    case ENOTDIR:
    case EISDIR:
      return absl::FailedPreconditionError(what + "; move the file that is in the way");
    default:
      return absl::UnavailableError(what + "; check the disk");
  }
}

void FileDescriptor::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

absl::StatusOr<FileDescriptor> OpenFile(const std::string& path, int flags, int mode) {
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return ErrnoStatus(errno, (flags & O_CREAT) != 0 ? "create" : "open", path);
  return FileDescriptor(fd);
}

absl::Status WriteAll(int fd, std::string_view bytes, std::string_view path) {
  return WriteAll(fd, absl::MakeSpan(&bytes, 1), path);
}

absl::Status WriteAll(int fd, absl::Span<const std::string_view> pieces, std::string_view path) {
  std::vector<iovec> left;
  for (std::string_view piece : pieces) {
    if (!piece.empty()) left.push_back({const_cast<char*>(piece.data()), piece.size()});
  }
  size_t first = 0;
  while (first < left.size()) {
    size_t count = std::min<size_t>(left.size() - first, IOV_MAX);
    ssize_t n = writev(fd, &left[first], static_cast<int>(count));
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, "write", path);
    }
    size_t written = static_cast<size_t>(n);
    for (; first < left.size() && written >= left[first].iov_len; ++first) {
      written -= left[first].iov_len;
    }
    if (written == 0) continue;
    left[first].iov_base = static_cast<char*>(left[first].iov_base) + written;
    left[first].iov_len -= written;
  }
  return absl::OkStatus();
}

absl::Status SyncFile(int fd, std::string_view path) {
  if (fsync(fd) != 0) return ErrnoStatus(errno, "sync", path);
  return absl::OkStatus();
}

absl::Status SyncFolder(const std::string& folder) {
  ASSIGN_OR_RETURN(FileDescriptor fd, OpenFile(folder, O_RDONLY | O_DIRECTORY));
  return SyncFile(fd.get(), folder);
}

std::string FolderOf(std::string_view path) {
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  if (slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

absl::Status CreateFolders(const std::string& folder, mode_t mode) {
  struct stat info;
  if (stat(folder.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return absl::OkStatus();
    return ErrnoStatus(ENOTDIR, "create folder", folder);
  }
  if (errno != ENOENT) return ErrnoStatus(errno, "create folder", folder);
  std::string parent = FolderOf(folder);
  RETURN_IF_ERROR(CreateFolders(parent, mode));
  if (mkdir(folder.c_str(), mode) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, "create folder", folder);
  }
  return SyncFolder(parent);
}

namespace {

absl::Status SyncAll(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    ASSIGN_OR_RETURN(FileDescriptor file, OpenFile(entry.path().string(), O_RDONLY));
    RETURN_IF_ERROR(SyncFile(file.get(), entry.path().string()));
  }
  return SyncFolder(folder.string());
}

}  // namespace

absl::Status MoveFolder(const std::string& from, const std::string& to) {
  const std::string parent = FolderOf(to);
  RETURN_IF_ERROR(CreateFolders(parent));
  if (rename(from.c_str(), to.c_str()) == 0) {
    RETURN_IF_ERROR(SyncFolder(FolderOf(from)));
    return SyncFolder(parent);
  }
  if (errno != EXDEV) return ErrnoStatus(errno, "move " + from + " to", to);
  const std::string partial = to + ".partial";
  std::error_code error;
  fs::remove_all(partial, error);
  fs::copy(from, partial, fs::copy_options::recursive, error);
  if (error) return ErrnoStatus(error.value(), "copy " + from + " to", to);
  RETURN_IF_ERROR(SyncAll(partial));
  if (rename(partial.c_str(), to.c_str()) != 0) return ErrnoStatus(errno, "create", to);
  RETURN_IF_ERROR(SyncFolder(parent));
  fs::remove_all(from, error);
  return absl::OkStatus();
}

// Not mkostemp, whose files are nobody else's whatever the umask is.
absl::StatusOr<TemporaryFile> CreateTemporaryFile(const std::string& prefix, mode_t mode) {
  constexpr int kAttempts = 100;
  std::random_device random;
  for (int i = 0; i < kAttempts; ++i) {
    TemporaryFile temporary;
    temporary.path = fmt::format("{}.{:08x}", prefix, random());
    temporary.file =
        FileDescriptor(open(temporary.path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode));
    if (temporary.file.is_open()) return temporary;
    if (errno != EEXIST) break;
  }
  return ErrnoStatus(errno, "create", prefix);
}

absl::StatusOr<AtomicFile> AtomicFile::Create(std::string path, mode_t mode) {
  ASSIGN_OR_RETURN(TemporaryFile unfinished, CreateTemporaryFile(path, mode));
  return AtomicFile(std::move(path), std::move(unfinished));
}

AtomicFile::~AtomicFile() {
  if (!unfinished_.path.empty()) unlink(unfinished_.path.c_str());
}

absl::Status AtomicFile::Append(std::string_view bytes) {
  return WriteAll(unfinished_.file.get(), bytes, path_);
}

absl::Status AtomicFile::Finish() {
  RETURN_IF_ERROR(SyncFile(unfinished_.file.get(), path_));
  if (rename(unfinished_.path.c_str(), path_.c_str()) != 0)
    return ErrnoStatus(errno, "rename to", path_);
  unfinished_.path.clear();
  return SyncFolder(FolderOf(path_));
}

absl::Status WriteFileAtomically(const std::string& path, std::string_view bytes, mode_t mode) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path, mode));
  RETURN_IF_ERROR(file.Append(bytes));
  return file.Finish();
}

}  // namespace forebay
