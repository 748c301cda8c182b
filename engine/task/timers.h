// The next boundary of every key of a task, in the order in which due steps are written (S6): by
// time, then view in definition order, then encoded key.
#ifndef FOREBAY_ENGINE_TASK_TIMERS_H_
#define FOREBAY_ENGINE_TASK_TIMERS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/btree_set.h"

namespace forebay {

struct Timer {
  int64_t time;  // microseconds UTC
  int view;      // index into TaskPlan.views
  std::string key;

  auto operator<=>(const Timer&) const = default;
};

class Timers {
 public:
  static constexpr int64_t kNone = INT64_MAX;

  // Moves the timer of a key from `before` to `after`; kNone: there was, or is to be, none.
  void Move(int view, std::string_view key, int64_t before, int64_t after) {
    if (before == after) return;
    Timer timer{before, view, std::string(key)};
    if (before != kNone) timers_.erase(timer);
    timer.time = after;
    if (after != kNone) timers_.insert(std::move(timer));
  }

  // The first timer due at `clock`; nullptr: none is.
  const Timer* Due(int64_t clock) const {
    return timers_.empty() || timers_.begin()->time > clock ? nullptr : &*timers_.begin();
  }

  size_t size() const { return timers_.size(); }

 private:
  absl::btree_set<Timer> timers_;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_TIMERS_H_
