// A task on its thread, and the hand-over of its cuts to the thread that commits.
#ifndef FOREBAY_ENGINE_WORKER_RUNNING_TASK_H_
#define FOREBAY_ENGINE_WORKER_RUNNING_TASK_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "engine/task/task.h"

namespace forebay {

class RunningTask {
 public:
  // `held`: up to where the sinks hold what the task made before.
  RunningTask(std::unique_ptr<Task> task, Offset held)
      : task_(std::move(task)),
        known_before_(std::max(held, task_->read_before())),
        position_(task_->position().value()) {}

  Task& task() { return *task_; }
  const Task& task() const { return *task_; }
  Offset position() const { return Offset(position_.load(std::memory_order_acquire)); }
  // Asked to apply nothing more: only cuts are served.
  void Drain() { draining_.store(true, std::memory_order_release); }
  // Its partition went to another worker while it was committed: what it holds is not to be
  // committed any more. It waits to be removed.
  void SetLost() {
    lost_.store(true, std::memory_order_release);
    Drain();
  }
  bool lost() const { return lost_.load(std::memory_order_acquire); }
  bool draining() const { return draining_.load(std::memory_order_acquire); }
  // Whether it reads again what was read before: after a crash, or for a view that is new. Lookups
  // answered more before.
  bool replaying() const { return position() < known_before_ && !at_end(); }
  // Until where.
  Offset known_before() const { return known_before_; }
  bool at_end() const { return at_end_.load(std::memory_order_acquire); }

  // --- The task's thread.

  // Adds what a batch yielded to the cut to come.
  void Add(TaskOutput output);
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
  const std::unique_ptr<Task> task_;
  const Offset known_before_;
  std::atomic<int64_t> position_;
  std::atomic<bool> at_end_{false};
  std::atomic<bool> draining_{false};
  std::atomic<bool> lost_{false};
  std::atomic<std::optional<CutOf>> cut_requested_{std::nullopt};
  std::atomic<uint64_t> durable_{0};

  std::atomic<bool> state_wanted_{false};
  absl::Time state_due_;  // committing thread

  TaskOutput pending_;  // since the last cut; task's thread

  absl::Mutex mutex_;
  std::optional<TaskCut> cut_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_WORKER_RUNNING_TASK_H_
