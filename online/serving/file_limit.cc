#include "online/serving/file_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

namespace forebay {

uint64_t RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;  // what Linux gives
  rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return limit.rlim_cur;
}

ConnectionLimits ConnectionLimitsFor(uint64_t files) {
  constexpr uint64_t kMostConnections = 4096;
  constexpr uint64_t kMostFiles = std::numeric_limits<int>::max();
  return {.connections = std::clamp<uint64_t>(files / 4, 1, kMostConnections),
          .files = static_cast<int>(std::min(files - files / 8, kMostFiles))};
}

}  // namespace forebay
