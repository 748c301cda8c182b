// What a task counts. Written by the task's thread, read by any.
//
// Always, between two records: consumed = applied + filtered + late + dead_lettered + duplicate
// (S9).
#ifndef FOREBAY_ENGINE_TASK_TASK_STATISTICS_H_
#define FOREBAY_ENGINE_TASK_TASK_STATISTICS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "schemas/types/strong_int.h"

namespace forebay {

struct TaskStatistics {
  static constexpr size_t kKeysCounted = 256;

  std::atomic<int64_t> consumed{0};
  std::atomic<int64_t> applied{0};
  std::atomic<int64_t> filtered{0};
  std::atomic<int64_t> late{0};
  std::atomic<int64_t> dead_lettered{0};
  std::atomic<int64_t> duplicate{0};
  std::atomic<int64_t> waiting{0};   // of a repartition topic: read, and not yet applied (S26a)
  std::atomic<int64_t> forced{0};    // applied before their turn, as too many waited
  std::atomic<int64_t> changes{0};   // change records made
  std::atomic<int64_t> archived{0};  // events made into rows of their archive
  // Expiry steps due and not written yet, as of the last cut; of keys beyond kKeysCounted, one
  // each.
  std::atomic<int64_t> due_steps{0};
  std::atomic<int64_t> hot_keys{0};   // in the hot maps
  std::atomic<int64_t> hot_bytes{0};  // likewise
};

// Of the updates of a view, where it has them.
struct ViewStatistics {
  std::atomic<int64_t> written_updates{0};  // records given to the update topic
  // Steps without such a record: a newer one of their key went out in the same commit (S36).
  std::atomic<int64_t> coalesced_steps{0};
};

// Which records a view has, or the repartition topic that feeds it. All but the last are as of the
// task's opening.
struct ViewCoverage {
  std::string view;
  uint32_t version = 0;
  // Where `from` is below `to`: it is new to the task, which reads again from `from` + 1 on, for it
  // alone until it is past `to`.
  Offset from{-1};
  Offset to{-1};
  bool kept = false;  // it was to count from now on, and is not new: it goes on from where it was
  // The known time of the first record that it has, where older ones were not there to be read;
  // INT64_MIN: it has all. INT64_MAX: none came yet.
  std::atomic<int64_t> complete_from{0};
};

// Of the expressions of one aggregate of a view, or of its `where`.
struct ExpressionStatistics {
  std::string view;
  std::string feature;                 // the first that reads the aggregate; "where"
  std::atomic<int64_t> errors{0};      // run-time errors, which gave null (S22)
  std::atomic<int64_t> nan_values{0};  // arguments that were NaN, which count as null (S20)
};

// Only the owner adds, so a load and a store do; cheaper than a locked add.
inline void Add(std::atomic<int64_t>& counter, int64_t n) {
  counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_TASK_STATISTICS_H_
