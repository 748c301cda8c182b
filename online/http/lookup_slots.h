// How many lookups run at once, fewer than there are threads: long ones leave a thread to read, to
// accept, and to answer health. Includes Boost.Asio: for .cc files of this folder.
//
//   co_await slots.Take(executor);
//   ... look up, without waiting in between ...
//   slots.Give();
#ifndef FOREBAY_ONLINE_HTTP_LOOKUP_SLOTS_H_
#define FOREBAY_ONLINE_HTTP_LOOKUP_SLOTS_H_

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace forebay {

// Thread-safe. Whoever came first is first; without a crowd, one atomic operation each way.
class LookupSlots {
 public:
  explicit LookupSlots(int slots) : free_(slots) {}

  // False: all are taken, and the caller must wait with Wait.
  bool TryTake() { return free_.fetch_sub(1, std::memory_order_acquire) > 0; }

  // Waits for the slot that TryTake has asked for. REQUIRES: the caller runs on `executor`, a
  // strand.
  template <typename Executor>
  boost::asio::awaitable<void> Wait(Executor executor) {
    Waiter waiter(executor);
    {
      absl::MutexLock lock(&mutex_);
      if (passed_on_ > 0) {
        --passed_on_;
        waiter.granted = true;
      } else {
        waiters_.push_back(&waiter);
      }
    }
    // Grants come on the same strand: none comes between the question and the wait.
    while (!waiter.granted) {
      boost::system::error_code cancelled;
      co_await waiter.timer.async_wait(
          boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
    }
  }

  void Give() {
    if (free_.fetch_add(1, std::memory_order_release) >= 0) return;
    absl::MutexLock lock(&mutex_);
    if (waiters_.empty()) {  // whoever it is for is about to wait
      ++passed_on_;
      return;
    }
    Waiter* waiter = waiters_.front();
    waiters_.pop_front();
    boost::asio::post(waiter->timer.get_executor(), [waiter] {
      waiter->granted = true;
      waiter->timer.cancel();
    });
  }

 private:
  struct Waiter {
    template <typename Executor>
    explicit Waiter(Executor executor)
        : timer(executor, boost::asio::steady_timer::time_point::max()) {}
    boost::asio::steady_timer timer;
    bool granted = false;
  };

  std::atomic<int> free_;  // below 0: so many wait, or are about to
  absl::Mutex mutex_;
  std::deque<Waiter*> waiters_ ABSL_GUARDED_BY(mutex_);
  int passed_on_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_LOOKUP_SLOTS_H_
