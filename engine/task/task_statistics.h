// What a task counts. Written by the task's thread, read by any.
//
// Always, between two records: consumed = applied + filtered + late + dead_lettered + duplicate
// (S9).
#ifndef FOREBAY_ENGINE_TASK_TASK_STATISTICS_H_
#define FOREBAY_ENGINE_TASK_TASK_STATISTICS_H_

#include <atomic>
#include <cstdint>

namespace forebay {

struct TaskStatistics {
  std::atomic<int64_t> consumed{0};
  std::atomic<int64_t> applied{0};
  std::atomic<int64_t> filtered{0};
  std::atomic<int64_t> late{0};
  std::atomic<int64_t> dead_lettered{0};
  std::atomic<int64_t> duplicate{0};
  std::atomic<int64_t> changes{0};            // change records made
  std::atomic<int64_t> expression_errors{0};  // S22
  std::atomic<int64_t> pending_steps{0};      // keys with a boundary to come or due
  std::atomic<int64_t> hot_bytes{0};          // of the hot maps
};

// Only the owner adds, so a load and a store do; cheaper than a locked add.
inline void Add(std::atomic<int64_t>& counter, int64_t n) {
  counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_TASK_STATISTICS_H_
