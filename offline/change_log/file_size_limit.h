// For tests: while it exists, no file of this process grows beyond some size, as on a full disk.
#ifndef FOREBAY_OFFLINE_CHANGE_LOG_FILE_SIZE_LIMIT_H_
#define FOREBAY_OFFLINE_CHANGE_LOG_FILE_SIZE_LIMIT_H_

#include <sys/resource.h>

#include <csignal>
#include <cstdint>

namespace forebay {

class FileSizeLimit {
 public:
  explicit FileSizeLimit(int64_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit tight = before_;
    tight.rlim_cur = static_cast<rlim_t>(bytes);
    setrlimit(RLIMIT_FSIZE, &tight);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_CHANGE_LOG_FILE_SIZE_LIMIT_H_
