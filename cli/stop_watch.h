// Sees to it that the process ends once it is to: when it is asked to stop, or when a part of it
// has failed.
//
//   StopWatch watch(stop_requested, {.patience = absl::Seconds(20),
//                                    .last_patience = absl::Seconds(8)});
//   ... whoever waits for a broker gives up when *watch.give_up() is true ...
//   watch.Fail(status);   // nothing more is committed, so nobody needs to wait
//
// A stop waits for brokers that are away for as long as `patience`; a failure does not. Who has not
// ended `last_patience` later, the clients' libraries included, is ended from here: what is durable
// stands, as after a crash. Thread-safe.
#ifndef FOREBAY_CLI_STOP_WATCH_H_
#define FOREBAY_CLI_STOP_WATCH_H_

#include <atomic>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace forebay {

class StopWatch {
 public:
  struct Options {
    absl::Duration patience;
    absl::Duration last_patience;
    // Ends the process, saying why. Empty: with exit code 1, without destructors.
    std::function<void(const absl::Status& why)> end_process;
  };

  // `stop` must outlive it.
  StopWatch(const std::atomic<bool>& stop, Options options);
  // The process has come to its end.
  ~StopWatch();

  // The process is to end because of `cause`. The first one counts.
  void Fail(const absl::Status& cause);
  // OK: nothing has failed.
  absl::Status cause() const;

  const std::atomic<bool>* give_up() const { return &give_up_; }

 private:
  void Watch();
  // Whether the process has come to its end, or has failed, within `limit`.
  bool WaitForEnd(absl::Duration limit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool WaitForEndOrFailure(absl::Duration limit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::atomic<bool>& stop_;
  const Options options_;
  std::atomic<bool> give_up_{false};
  mutable absl::Mutex mutex_;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status cause_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;  // last: it uses everything above
};

}  // namespace forebay

#endif  // FOREBAY_CLI_STOP_WATCH_H_
