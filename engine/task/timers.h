// When the keys of a view are to be looked at next, in the order in which due steps are written
// (S6): by time, then encoded key.
//
// Many keys share a boundary, so timers lie in one unordered list per time, sorted only when it
// falls due. A timer that a key no longer has is not looked for: it is recognised when it falls
// due, by the time that the key's state says.
#ifndef FOREBAY_ENGINE_TASK_TIMERS_H_
#define FOREBAY_ENGINE_TASK_TIMERS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "engine/state/key.h"

namespace forebay {

struct HotEntry;

struct Timer {
  int64_t time = 0;
  HashedKey key;              // valid until the next call of PopDue
  HotEntry* entry = nullptr;  // that has the key's hash first, once somebody has looked for it
};

class Timers {
 public:
  static constexpr int64_t kNone = INT64_MAX;

  // The key's timer is now at `time`; kNone: it has none. REQUIRES: nothing due at `time` has been
  // popped yet.
  void Set(std::string_view key, int64_t time);

  // Takes the first timer due at `clock`; false: none is. The key may have moved its timer since:
  // the caller compares `time` with what the state says.
  bool PopDue(int64_t clock, Timer* timer) { return next_ <= clock && PopNext(clock, timer); }

  // The one that PopDue takes after `ahead` others, if it is known already.
  Timer* Upcoming(size_t ahead) {
    return ahead < due_.size() ? &due_[due_.size() - 1 - ahead] : nullptr;
  }

  // Entries may have left the hot map.
  void ForgetEntries() {
    for (Timer& timer : due_) timer.entry = nullptr;
  }

  // The time of the first that is due at `clock`, if only for a key that has moved it; kNone: none.
  int64_t FirstDue(int64_t clock) const;

  // How many are due at `clock`, those that have moved included.
  size_t DueCount(int64_t clock) const;

  // Visits those in no certain order, until `visit` says false.
  void ForEachDue(int64_t clock,
                  const std::function<bool(int64_t time, std::string_view key)>& visit) const;

 private:
  // One after the other: the size of the key, then its bytes.
  struct List {
    std::string bytes;
    size_t count = 0;

    void Add(std::string_view key);
    // The first key of `rest`, which it leaves.
    static std::string_view Next(std::string_view* rest);
  };
  bool PopNext(int64_t clock, Timer* timer);
  void SortDue();

  int64_t next_ = kNone;  // nothing is due before
  absl::btree_map<int64_t, List> timers_;
  List due_list_;
  std::vector<Timer> due_;  // of due_time_, last first; keys in due_list_
  int64_t due_time_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_TIMERS_H_
