// POSIX files that survive a power cut, with errors that say what to do.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_DURABLE_FILE_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_DURABLE_FILE_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace forebay {

// "cannot write /data/x: No space left on device; free space there and start again". Codes: see
// object_store.h.
absl::Status ErrnoStatus(int error, std::string_view doing, std::string_view path);

// Closes on destruction.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() { Close(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void Close();

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC.
absl::StatusOr<FileDescriptor> OpenFile(const std::string& path, int flags, int mode = 0644);

absl::Status WriteAll(int fd, std::string_view bytes, std::string_view path);

// Writes the pieces one after the other.
absl::Status WriteAll(int fd, absl::Span<const std::string_view> pieces, std::string_view path);

absl::Status SyncFile(int fd, std::string_view path);

// Makes names created in or removed from `folder` durable.
absl::Status SyncFolder(const std::string& folder);

// Renames a folder, or moves all that is in it where `to` is on another file system; `to` is there
// as a whole or not at all, durable on return. REQUIRES: there is no `to`, nobody changes `from`.
absl::Status MoveFolder(const std::string& from, const std::string& to);

// Like mkdir -p; the new names are durable on return. `mode`: of new folders, less the umask.
absl::Status CreateFolders(const std::string& folder, mode_t mode = 0777);

// A new file, to be written and renamed. `mode` less the umask.
struct TemporaryFile {
  FileDescriptor file;
  std::string path;  // `prefix` and something that no other file has
};
absl::StatusOr<TemporaryFile> CreateTemporaryFile(const std::string& prefix, mode_t mode = 0666);

// The folder of `path`: "a" of "a/b", "." of "b", "/" of "/b".
std::string FolderOf(std::string_view path);

// A file that gets its name when it is whole: written beside `path`, whose folder must exist, and
// renamed. Leaves nothing behind unless Finish() returned OK.
class AtomicFile {
 public:
  // `mode` less the umask.
  static absl::StatusOr<AtomicFile> Create(std::string path, mode_t mode = 0666);
  AtomicFile(AtomicFile&& other) noexcept
      : path_(std::move(other.path_)), unfinished_(std::exchange(other.unfinished_, {})) {}
  ~AtomicFile();

  absl::Status Append(std::string_view bytes);

  // Bytes and name are durable on return. Once.
  absl::Status Finish();

 private:
  AtomicFile(std::string path, TemporaryFile unfinished)
      : path_(std::move(path)), unfinished_(std::move(unfinished)) {}

  std::string path_;
  TemporaryFile unfinished_;  // its path is empty: there is none any more
};

// All of an AtomicFile at once.
absl::Status WriteFileAtomically(const std::string& path, std::string_view bytes,
                                 mode_t mode = 0666);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_DURABLE_FILE_H_
