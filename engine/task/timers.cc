#include "engine/task/timers.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace forebay {

void Timers::List::Add(std::string_view key) {
  auto size = static_cast<uint32_t>(key.size());
  bytes.append(reinterpret_cast<const char*>(&size), sizeof size);
  bytes.append(key);
  ++count;
}

std::string_view Timers::List::Next(std::string_view* rest) {
  uint32_t size;
  std::memcpy(&size, rest->data(), sizeof size);
  std::string_view key = rest->substr(sizeof size, size);
  rest->remove_prefix(sizeof size + size);
  return key;
}

void Timers::Set(std::string_view key, int64_t time) {
  if (time == kNone) return;
  timers_[time].Add(key);
  next_ = std::min(next_, time);
}

// Takes the list of the first time, in the order in which it is to be popped.
void Timers::SortDue() {
  auto first = timers_.begin();
  due_time_ = first->first;
  due_list_ = std::move(first->second);
  timers_.erase(first);
  struct Place {
    uint64_t first_bytes;
    std::string_view key;
  };
  std::vector<Place> places;
  places.reserve(due_list_.count);
  for (std::string_view rest = due_list_.bytes; !rest.empty();) {
    std::string_view key = List::Next(&rest);
    places.push_back({FirstBytes(key), key});
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return a.first_bytes != b.first_bytes ? a.first_bytes > b.first_bytes : a.key > b.key;
  });
  due_.reserve(places.size());
  for (const Place& place : places) {
    if (due_.empty() || due_.back().key.bytes != place.key)
      due_.push_back({due_time_, HashedKey(place.key)});
  }
}

bool Timers::PopNext(int64_t clock, Timer* timer) {
  // A timer set before what is due already comes first: the rest goes back.
  if (!due_.empty() && !timers_.empty() && timers_.begin()->first < due_time_) {
    List& list = timers_[due_time_];
    for (const Timer& due : due_) list.Add(due.key.bytes);
    due_.clear();
  }
  if (due_.empty()) {
    next_ = timers_.empty() ? kNone : timers_.begin()->first;
    if (next_ > clock) return false;
    SortDue();
  }
  *timer = due_.back();
  due_.pop_back();
  return true;
}

int64_t Timers::FirstDue(int64_t clock) const {
  int64_t first = due_.empty() ? kNone : due_time_;
  if (!timers_.empty()) first = std::min(first, timers_.begin()->first);
  return first <= clock ? first : kNone;
}

size_t Timers::DueCount(int64_t clock) const {
  size_t count = due_.size();
  for (auto at = timers_.begin(); at != timers_.end() && at->first <= clock; ++at)
    count += at->second.count;
  return count;
}

void Timers::ForEachDue(
    int64_t clock, const std::function<bool(int64_t time, std::string_view key)>& visit) const {
  for (const Timer& due : due_) {
    if (!visit(due.time, due.key.bytes)) return;
  }
  for (auto at = timers_.begin(); at != timers_.end() && at->first <= clock; ++at) {
    for (std::string_view rest = at->second.bytes; !rest.empty();) {
      if (!visit(at->first, List::Next(&rest))) return;
    }
  }
}

}  // namespace forebay
