// A thread that sleeps until there is something to do.
#ifndef FOREBAY_ENGINE_WORKER_WAKEUP_H_
#define FOREBAY_ENGINE_WORKER_WAKEUP_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace forebay {

class Wakeup {
 public:
  // Any thread.
  void Notify() {
    absl::MutexLock lock(&mutex_);
    notified_ = true;
  }

  // Returns once Notify was called since the last return.
  void Wait() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&notified_));
    notified_ = false;
  }

 private:
  absl::Mutex mutex_;
  bool notified_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_WORKER_WAKEUP_H_
