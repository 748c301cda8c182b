// A lock of one byte for what is held for a microsecond at most and rarely contended.
#ifndef FOREBAY_ENGINE_STATE_SPIN_LOCK_H_
#define FOREBAY_ENGINE_STATE_SPIN_LOCK_H_

#include <sched.h>

#include <atomic>

#include "absl/base/thread_annotations.h"

namespace forebay {

class ABSL_LOCKABLE SpinLock {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    while (held_.exchange(true, std::memory_order_acquire)) Wait();
  }
  void Unlock() ABSL_UNLOCK_FUNCTION() { held_.store(false, std::memory_order_release); }

 private:
  // The holder may have lost its core.
  void Wait() const {
    for (int spins = 0; held_.load(std::memory_order_relaxed); ++spins) {
      if (spins > 100) sched_yield();
    }
  }

  std::atomic<bool> held_{false};
};

class ABSL_SCOPED_LOCKABLE SpinLockHolder {
 public:
  explicit SpinLockHolder(SpinLock* lock) ABSL_EXCLUSIVE_LOCK_FUNCTION(lock) : lock_(lock) {
    lock_->Lock();
  }
  ~SpinLockHolder() ABSL_UNLOCK_FUNCTION() { lock_->Unlock(); }
  SpinLockHolder(const SpinLockHolder&) = delete;
  SpinLockHolder& operator=(const SpinLockHolder&) = delete;

 private:
  SpinLock* const lock_;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_SPIN_LOCK_H_
