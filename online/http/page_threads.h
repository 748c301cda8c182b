// Threads that make pages which may take long, while the connection waits: those of the server go
// on with others. Includes Boost.Asio: for .cc files of this folder.
//
//   PageAnswer answer = co_await pages.Run([=] { return ...; }, executor);
#ifndef FOREBAY_ONLINE_HTTP_PAGE_THREADS_H_
#define FOREBAY_ONLINE_HTTP_PAGE_THREADS_H_

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "online/http/page_answer.h"
#include "online/serving/bounded_threads.h"

namespace forebay {

// Thread-safe. What it posts to executors it has posted before it goes.
class PageThreads {
 public:
  // Once `stopping`, pages that no thread has begun are not made.
  PageThreads(int threads, size_t most_waiting, const std::atomic<bool>* stopping)
      : stopping_(*stopping), threads_(threads, most_waiting) {}

  // What `make` answers; UNAVAILABLE where too many wait already. `make` may outlive the caller.
  // REQUIRES: the caller runs on `executor`, a strand.
  template <typename Executor>
  boost::asio::awaitable<PageAnswer> Run(std::function<PageAnswer()> make, Executor executor) {
    auto page = std::make_shared<Page>(executor);
    const bool taken = threads_.TryAdd([this, page, make = std::move(make)] {
      PageAnswer answer = stopping_ ? Busy() : make();
      boost::asio::post(page->timer.get_executor(), [page, answer = std::move(answer)]() mutable {
        page->answer = std::move(answer);
        page->made = true;
        page->timer.cancel();
      });
    });
    if (!taken) co_return Busy();
    // The answer comes on the same strand: not between the question and the wait.
    while (!page->made) {
      boost::system::error_code cancelled;
      co_await page->timer.async_wait(
          boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
    }
    co_return std::move(page->answer);
  }

 private:
  struct Page {
    template <typename Executor>
    explicit Page(Executor executor)
        : timer(executor, boost::asio::steady_timer::time_point::max()) {}
    boost::asio::steady_timer timer;
    PageAnswer answer;
    bool made = false;
  };

  static PageAnswer Busy() {
    return ErrorAnswer(absl::UnavailableError(
        "too many questions about the catalog are under way: try again later"));
  }

  const std::atomic<bool>& stopping_;
  BoundedThreads threads_;
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_PAGE_THREADS_H_
