// The threads of a join, which live as long as it does: so does the memory that they have warmed.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_JOIN_THREADS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_JOIN_THREADS_H_

#include <cstddef>
#include <memory>

#include "absl/functional/function_ref.h"

namespace arrow::internal {
class Executor;
class ThreadPool;
}  // namespace arrow::internal

namespace forebay {

class JoinThreads {
 public:
  // At least one.
  explicit JoinThreads(size_t threads);
  ~JoinThreads();

  size_t count() const { return threads_; }

  // Calls work(i) for each i below `parts`, in about that order, several at a time. `work` must not
  // throw, nor call this.
  void For(size_t parts, absl::FunctionRef<void(size_t i)> work);

  arrow::internal::Executor* executor() const;

 private:
  const size_t threads_;
  std::shared_ptr<arrow::internal::ThreadPool> pool_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_JOIN_THREADS_H_
