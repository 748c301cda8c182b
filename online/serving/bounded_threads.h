// Threads for what takes long: on those of a door it would hold up health, and all other calls.
#ifndef FOREBAY_ONLINE_SERVING_BOUNDED_THREADS_H_
#define FOREBAY_ONLINE_SERVING_BOUNDED_THREADS_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace forebay {

// Thread-safe. Ends once all that was taken has run.
class BoundedThreads {
 public:
  BoundedThreads(int threads, size_t most_waiting) : most_waiting_(most_waiting) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
  }
  ~BoundedThreads() {
    {
      absl::MutexLock lock(&mutex_);
      ending_ = true;
    }
    for (std::thread& thread : threads_) thread.join();
  }

  // False: too many wait already, and `work` is not run.
  bool TryAdd(std::function<void()> work) {
    absl::MutexLock lock(&mutex_);
    if (waiting_.size() >= most_waiting_) return false;
    waiting_.push_back(std::move(work));
    return true;
  }

 private:
  void Run() {
    auto due = [this]()
                   ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ending_ || !waiting_.empty(); };
    while (true) {
      std::function<void()> work;
      {
        absl::MutexLock lock(&mutex_, absl::Condition(&due));
        if (waiting_.empty()) return;
        work = std::move(waiting_.front());
        waiting_.pop_front();
      }
      work();
    }
  }

  const size_t most_waiting_;
  absl::Mutex mutex_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_SERVING_BOUNDED_THREADS_H_
