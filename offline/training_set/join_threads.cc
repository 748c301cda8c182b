#include "offline/training_set/join_threads.h"

#include <arrow/util/future.h>
#include <arrow/util/thread_pool.h>

#include <algorithm>
#include <atomic>
#include <vector>

namespace forebay {

JoinThreads::JoinThreads(size_t threads)
    : threads_(std::max<size_t>(threads, 1)),
      pool_(arrow::internal::ThreadPool::Make(static_cast<int>(threads_)).ValueOrDie()) {}

JoinThreads::~JoinThreads() = default;

void JoinThreads::For(size_t parts, absl::FunctionRef<void(size_t i)> work) {
  std::atomic<size_t> next = 0;
  auto run = [&] {
    for (size_t i = next++; i < parts; i = next++) work(i);
  };
  // The caller's thread is one of them.
  std::vector<arrow::Future<>> running;
  for (size_t i = 1; i < std::min(parts, threads_); ++i) {
    auto future = pool_->Submit(run);
    if (future.ok()) running.push_back(*std::move(future));
  }
  run();
  for (arrow::Future<>& future : running) future.Wait();
}

arrow::internal::Executor* JoinThreads::executor() const { return pool_.get(); }

}  // namespace forebay
