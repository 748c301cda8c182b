// Work that falls into parts, done by several threads.
#ifndef FOREBAY_SCHEMAS_TYPES_PARALLEL_FOR_H_
#define FOREBAY_SCHEMAS_TYPES_PARALLEL_FOR_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace forebay {

// Calls work(i) for each i below `parts`, in about that order, on at most `threads` threads of
// which the caller's is one. `work` must not throw.
template <typename Work>
void ParallelFor(size_t parts, size_t threads, const Work& work) {
  std::atomic<size_t> next = 0;
  auto run = [&] {
    for (size_t i = next++; i < parts; i = next++) work(i);
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < std::min(parts, threads); ++i) others.emplace_back(run);
  run();
  for (std::thread& other : others) other.join();
}

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_PARALLEL_FOR_H_
