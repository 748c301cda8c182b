// A task on its thread, and the hand-over of its cuts to the thread that commits.
#ifndef FOREBAY_ENGINE_WORKER_RUNNING_TASK_H_
#define FOREBAY_ENGINE_WORKER_RUNNING_TASK_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "engine/task/task.h"
#include "engine/worker/clock_watch.h"
#include "engine/worker/wakeup.h"

namespace forebay {

// What a task has to have applied for lookups to answer right: what they answered from before, and
// what was there when it started. Of what comes later, at whatever rate, nothing is asked.
struct CatchUpGoal {
  Offset known_before{-1};  // sinks hold something of the records up to here
  Offset next{0};           // of the partition at the start: the next record to come
  // Of a repartition topic: likewise of each partition of the source, by number.
  std::vector<Offset> source_next = {};
  int64_t lag = 0;  // so many records before `next` may lack
};

class RunningTask {
 public:
  // `goal.known_before` is raised by what the task knows of itself. `thread`: what the task's waits
  // for.
  RunningTask(std::unique_ptr<Task> task, CatchUpGoal goal, std::shared_ptr<Wakeup> thread)
      : task_(std::move(task)),
        goal_(std::move(goal)),
        thread_(std::move(thread)),
        known_before_(std::max(goal_.known_before, task_->read_before())),
        position_(task_->position().value()) {
    LookWhetherCaughtUp(/*at_end=*/false);
  }

  Task& task() { return *task_; }
  const Task& task() const { return *task_; }
  Offset position() const { return Offset(position_.load(std::memory_order_acquire)); }
  // Asked to apply nothing more: only cuts are served.
  void Drain() { draining_.store(true, std::memory_order_release); }
  // It is no longer this worker's, or has been removed: what it holds is not to be committed any
  // more, only read.
  void SetLost() {
    lost_.store(true, std::memory_order_release);
    Drain();
  }
  bool lost() const { return lost_.load(std::memory_order_acquire); }
  bool draining() const { return draining_.load(std::memory_order_acquire); }
  // Whether it has reached its goal: stays so, whatever comes.
  bool caught_up() const { return caught_up_.load(std::memory_order_acquire); }
  // Records of its own partition between its position and the goal; 0 when caught up.
  int64_t to_catch_up() const;
  bool at_end() const { return at_end_.load(std::memory_order_acquire); }
  // Task::complete_before() after the last batch; Min: before the first event.
  KnownTime complete_before() const {
    return KnownTime(complete_before_.load(std::memory_order_acquire));
  }

  // --- The task's thread.

  ClockWatch& clock_watch() { return clock_watch_; }

  // A batch was applied, or there was none.
  void NoteProgress();
  // Whether somebody waits for what it has made since the last cut: it has been at the end of its
  // partition with that.
  bool is_live() const { return live_; }
  // Between two batches: goes on with the state cut that is under way. Whether there may be more.
  bool AdvanceStateCut();
  // If a cut is asked for: forgets what has become durable, then hands over the cut.
  void ServeCut();
  // A state cut is due, whatever the time.
  void WantStateCut() { state_wanted_.store(true, std::memory_order_release); }
  // The task ends with `status`; whoever waits for a cut learns it.
  void Fail(absl::Status status);

  // --- The committing thread.

  // Whether the state is to be cut by now, or the task wants it; a want is told once.
  bool IsStateDue(absl::Time now) {
    return state_wanted_.exchange(false, std::memory_order_acq_rel) || now >= state_due_;
  }
  void SetStateDue(absl::Time due) { state_due_ = due; }
  void RequestCut(CutOf of);
  // The cut that was asked for. CANCELLED or the task's error if there will be none.
  absl::StatusOr<TaskCut> TakeCut();
  void SetDurable(uint64_t cut_number) { durable_.store(cut_number, std::memory_order_release); }

 private:
  void LookWhetherCaughtUp(bool at_end);
  bool HasReachedGoal(bool at_end) const;

  const std::unique_ptr<Task> task_;
  const CatchUpGoal goal_;
  const std::shared_ptr<Wakeup> thread_;
  const Offset known_before_;
  std::atomic<int64_t> position_;
  std::atomic<bool> at_end_{false};
  std::atomic<int64_t> complete_before_{KnownTime::Min().value()};
  std::atomic<bool> caught_up_{false};
  std::atomic<bool> draining_{false};
  std::atomic<bool> lost_{false};
  std::atomic<std::optional<CutOf>> cut_requested_{std::nullopt};
  std::atomic<uint64_t> durable_{0};

  std::atomic<bool> state_wanted_{false};
  absl::Time state_due_;  // committing thread

  // Task's thread.
  Offset cut_position_{-1};       // of the last cut
  Offset advanced_position_{-1};  // when the state cut was last gone on with
  bool live_ = false;
  ClockWatch clock_watch_;

  absl::Mutex mutex_;
  std::optional<TaskCut> cut_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_WORKER_RUNNING_TASK_H_
