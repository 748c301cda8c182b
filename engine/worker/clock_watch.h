// Tells when a record has put a partition clock ahead of the wall clock: windows that are shorter
// than that hold nothing until the time has come. For saying it only; no value depends on it.
#ifndef FOREBAY_ENGINE_WORKER_CLOCK_WATCH_H_
#define FOREBAY_ENGINE_WORKER_CLOCK_WATCH_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "engine/batch/event_batch.h"

namespace forebay {

// A record that moved its partition's clock ahead of the wall clock.
struct ClockAhead {
  TaskId task;
  Offset offset;
  KnownTime known_time;
  int64_t ahead_us;
  std::optional<std::string> key;
  RecordHeaders headers;
};

class ClockWatch {
 public:
  // Clocks of machines differ by less.
  static constexpr int64_t kAheadUs = 60'000'000;
  // After one was said, another of about the same size is not, for so long.
  static constexpr int64_t kPauseUs = 600'000'000;

  // The partition clock after `batch`, and the wall clock. What is to be said of it, if anything:
  // once per jump.
  std::optional<ClockAhead> Look(const TaskId& task, const EventBatch& batch, KnownTime clock,
                                 KnownTime now);

 private:
  int64_t lowest_ = 0;  // how far the clock has been ahead since the last jump, at least
  int64_t said_ahead_ = 0;
  int64_t said_at_ = std::numeric_limits<int64_t>::min() / 2;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_WORKER_CLOCK_WATCH_H_
