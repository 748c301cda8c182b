#include "engine/worker/clock_watch.h"

#include <algorithm>

namespace forebay {

std::optional<ClockAhead> ClockWatch::Look(const TaskId& task, const EventBatch& batch,
                                           KnownTime clock, KnownTime now) {
  int64_t ahead = std::max<int64_t>(clock.value() - now.value(), 0);
  if (ahead - lowest_ < kAheadUs) {
    lowest_ = std::min(lowest_, ahead);
    return std::nullopt;
  }
  lowest_ = ahead;
  auto newest = std::max_element(batch.known_times.begin(), batch.known_times.end());
  // Else the clock stood there when the task was opened.
  if (newest == batch.known_times.end() || *newest != clock) return std::nullopt;
  if (now.value() - said_at_ < kPauseUs && ahead < said_ahead_ + kAheadUs) return std::nullopt;
  said_ahead_ = ahead;
  said_at_ = now.value();
  const RawRecord& record = batch.records[newest - batch.known_times.begin()];
  ClockAhead found{.task = task, .offset = record.offset, .known_time = *newest, .ahead_us = ahead};
  found.key = batch.bytes->Key(record);
  found.headers = batch.bytes->Headers(record);
  return found;
}

}  // namespace forebay
