#include "cli/stop_watch.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <utility>

#include "cli/command.h"
#include "fmt/format.h"

namespace forebay {
namespace {

// A signal handler can set a flag, but wake nobody.
constexpr absl::Duration kPollForStop = absl::Milliseconds(50);

void EndProcess(const absl::Status& why) { _exit(Report(why)); }

}  // namespace

StopWatch::StopWatch(const std::atomic<bool>& stop, Options options)
    : stop_(stop), options_(std::move(options)), thread_([this] { Watch(); }) {}

StopWatch::~StopWatch() {
  {
    absl::MutexLock lock(&mutex_);
    over_ = true;
  }
  thread_.join();
}

void StopWatch::Fail(const absl::Status& cause) {
  absl::MutexLock lock(&mutex_);
  if (cause.ok() || !cause_.ok()) return;
  cause_ = cause;
  give_up_.store(true);
}

absl::Status StopWatch::cause() const {
  absl::MutexLock lock(&mutex_);
  return cause_;
}

bool StopWatch::WaitForEnd(absl::Duration limit) {
  return mutex_.AwaitWithTimeout(absl::Condition(&over_), limit);
}

bool StopWatch::WaitForEndOrFailure(absl::Duration limit) {
  auto met = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return over_ || !cause_.ok(); };
  return mutex_.AwaitWithTimeout(absl::Condition(&met), limit);
}

void StopWatch::Watch() {
  absl::MutexLock lock(&mutex_);
  while (!stop_.load() && !WaitForEndOrFailure(kPollForStop)) continue;
  if (!WaitForEndOrFailure(options_.patience)) {
    spdlog::warn("still stopping after {}: not waiting any longer",
                 absl::FormatDuration(options_.patience));
    give_up_.store(true);
  }
  if (WaitForEnd(options_.last_patience)) return;
  absl::Status why = cause_;
  if (why.ok()) {
    why =
        absl::DeadlineExceededError(fmt::format("stopping took longer than stop_timeout ({}), and "
                                                "was broken off: what was not committed is "
                                                "read again by the next start",
                                                absl::FormatDuration(options_.patience)));
  }
  (options_.end_process ? options_.end_process : EndProcess)(why);
}

}  // namespace forebay
