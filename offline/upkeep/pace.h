// How fast work in the background may go, beside what serves.
//
//   Pace pace({.cpu_share = 0.5, .bytes_per_second = 64 << 20});
//   options.pace = [&](int64_t bytes) { return pace.Wait(bytes); };
//   ... from another thread: pace.Stop();
#ifndef FOREBAY_OFFLINE_UPKEEP_PACE_H_
#define FOREBAY_OFFLINE_UPKEEP_PACE_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace forebay {

struct PaceLimits {
  double cpu_share = 0;          // of one core, of the thread that works; 0: all of it
  int64_t bytes_per_second = 0;  // written; 0: any
};

class Pace {
 public:
  explicit Pace(PaceLimits limits) : limits_(limits) {}

  // The thread that calls this is the one that works: from here on its time counts.
  void Begin();

  // After some work, of which `bytes` were written: returns when the thread has been slow enough.
  // CANCELLED: Stop was called.
  absl::Status Wait(int64_t bytes);

  void Stop();
  bool stopped() const;

  // Waits as long, or until Stop; false: that.
  bool Sleep(absl::Duration duration);

 private:
  const PaceLimits limits_;
  absl::Time began_;
  double cpu_began_ = 0;  // seconds of the thread
  int64_t bytes_ = 0;
  mutable absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

// Lets the calling thread run, and read and write, when nobody else wants to (nice 19, I/O class
// idle). For good.
void RunAtLowPriority();

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_UPKEEP_PACE_H_
