#include "offline/upkeep/pace.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "absl/time/clock.h"

namespace forebay {
namespace {

double ThreadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

void Pace::Begin() {
  began_ = absl::Now();
  cpu_began_ = ThreadSeconds();
  bytes_ = 0;
}

absl::Status Pace::Wait(int64_t bytes) {
  bytes_ += bytes;
  double seconds = 0;  // that the work should have taken
  if (limits_.cpu_share > 0) seconds = (ThreadSeconds() - cpu_began_) / limits_.cpu_share;
  if (limits_.bytes_per_second > 0) {
    seconds = std::max(seconds,
                       static_cast<double>(bytes_) / static_cast<double>(limits_.bytes_per_second));
  }
  if (Sleep(absl::Seconds(seconds) - (absl::Now() - began_))) return absl::OkStatus();
  return absl::CancelledError("the upkeep of tables was stopped");
}

void Pace::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
}

bool Pace::stopped() const {
  absl::MutexLock lock(&mutex_);
  return stopped_;
}

bool Pace::Sleep(absl::Duration duration) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&stopped_), std::max(duration, absl::ZeroDuration()));
  return !stopped_;
}

void RunAtLowPriority() {
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  constexpr int kLeast = 19;
  setpriority(PRIO_PROCESS, thread, kLeast);
  constexpr int kOfThread = 1;  // IOPRIO_WHO_PROCESS
  constexpr int kIdle = 3 << 13;
  syscall(SYS_ioprio_set, kOfThread, thread, kIdle);
}

}  // namespace forebay
