#include "engine/task/timers.h"

#include <algorithm>
#include <functional>

namespace forebay {

void Timers::Set(int view, std::string_view key, int64_t time) {
  if (time == kNone) return;
  timers_[time].push_back({view, std::string(key)});
}

bool Timers::PopDue(int64_t clock, int64_t* time, Timer* timer) {
  // A timer set before what is due already comes first: the rest goes back.
  if (!due_.empty() && !timers_.empty() && timers_.begin()->first < due_time_) {
    std::vector<Timer>& list = timers_[due_time_];
    list.insert(list.end(), due_.begin(), due_.end());
    due_.clear();
  }
  if (due_.empty()) {
    if (timers_.empty() || timers_.begin()->first > clock) return false;
    due_time_ = timers_.begin()->first;
    due_ = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    std::sort(due_.begin(), due_.end(), std::greater<>());
    due_.erase(std::unique(due_.begin(), due_.end()), due_.end());
  }
  *time = due_time_;
  *timer = std::move(due_.back());
  due_.pop_back();
  return true;
}

size_t Timers::DueCount(int64_t clock) const {
  size_t count = due_.size();
  for (auto at = timers_.begin(); at != timers_.end() && at->first <= clock; ++at) {
    count += at->second.size();
  }
  return count;
}

}  // namespace forebay
