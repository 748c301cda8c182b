#include "engine/worker/running_task.h"

#include <algorithm>
#include <utility>

namespace forebay {

bool RunningTask::HasReachedGoal(bool at_end) const {
  // At its end there is no more to come, whatever was said of the end: what lies before it may be
  // no records.
  bool reached = position() >= known_before_ && position() + 1 + goal_.lag >= goal_.next;
  if (!reached && !at_end) return false;
  for (size_t s = 0; s < goal_.source_next.size(); ++s) {
    Offset of_source = task_->ReachedOfSource(PartitionId(static_cast<int32_t>(s)));
    if (of_source + 1 + goal_.lag < goal_.source_next[s]) return false;
  }
  return true;
}

void RunningTask::LookWhetherCaughtUp(bool at_end) {
  if (!caught_up() && HasReachedGoal(at_end)) caught_up_.store(true, std::memory_order_release);
}

int64_t RunningTask::to_catch_up() const {
  if (caught_up()) return 0;
  Offset last = std::max(known_before_, goal_.next - 1);
  return std::max<int64_t>(0, last.value() - position().value());
}

void RunningTask::NoteProgress() {
  const TaskOutput& output = task_->output();
  position_.store(output.position.value(), std::memory_order_release);
  LookWhetherCaughtUp(output.at_end);  // first: who waits for the end may ask for that
  at_end_.store(output.at_end, std::memory_order_release);
  complete_before_.store(output.complete_before.value(), std::memory_order_release);
  // Others wait for the markers of what it forwards (S26a).
  bool waited_for = output.at_end || !task_->plan().forwards.empty();
  live_ = live_ || (waited_for && output.position > cut_position_);
}

// By as many keys as may have changed since it was last gone on with: so what cannot leave memory
// stays bounded, and the pause is no longer than what the batch takes.
bool RunningTask::AdvanceStateCut() {
  constexpr int64_t kLeast = 1024, kMost = 4096;
  int64_t records = position().value() - std::exchange(advanced_position_, position()).value();
  return task_->AdvanceStateCut(std::clamp(records, kLeast, kMost));
}

void RunningTask::ServeCut() {
  std::optional<CutOf> of = cut_requested_.exchange(std::nullopt, std::memory_order_acq_rel);
  if (!of) return;
  task_->Durable(durable_.load(std::memory_order_acquire));
  TaskCut cut = task_->Cut(*of);
  cut_position_ = cut.output.position;
  live_ = false;
  absl::MutexLock lock(&mutex_);
  cut_ = std::move(cut);
}

void RunningTask::Fail(absl::Status status) {
  absl::MutexLock lock(&mutex_);
  status_ = std::move(status);
}

void RunningTask::RequestCut(CutOf of) {
  cut_requested_.store(of, std::memory_order_release);
  thread_->Notify();
}

absl::StatusOr<TaskCut> RunningTask::TakeCut() {
  absl::MutexLock lock(&mutex_);
  auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return cut_.has_value() || !status_.ok();
  };
  mutex_.Await(absl::Condition(&ready));
  if (!status_.ok()) return status_;
  TaskCut cut = *std::move(cut_);
  cut_.reset();
  return cut;
}

}  // namespace forebay
