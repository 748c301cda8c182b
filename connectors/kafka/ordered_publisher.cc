#include "connectors/kafka/ordered_publisher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "connectors/kafka/retry_log.h"
#include "schemas/types/status_macros.h"

namespace forebay {

void OrderedPublisher::Open(const TaskId& task, Offset published) {
  auto state = std::make_shared<Task>();
  {
    absl::MutexLock lock(&state->mutex);
    state->durable = state->sent = state->offered = published;
  }
  absl::MutexLock lock(&mutex_);
  tasks_[task] = std::move(state);
}

void OrderedPublisher::Close(const TaskId& task) {
  absl::MutexLock lock(&mutex_);
  tasks_.erase(task);
}

std::shared_ptr<OrderedPublisher::Task> OrderedPublisher::FindTask(const TaskId& task) const {
  absl::MutexLock lock(&mutex_);
  auto found = tasks_.find(task);
  return found == tasks_.end() ? nullptr : found->second;
}

absl::StatusOr<std::shared_ptr<Producer>> OrderedPublisher::CurrentProducer() {
  // No record is given up while those behind it go out: whoever reads goes by their order.
  static const std::map<std::string, std::string> kWithoutGaps = {
      {"message.timeout.ms", "0"}, {"enable.gapless.guarantee", "true"}};
  absl::MutexLock lock(&mutex_);
  if (producer_ == nullptr) {
    ASSIGN_OR_RETURN(producer_,
                     Producer::Create(config_, kWithoutGaps, DeliveryReports::kAll, cancel_));
  }
  return producer_;
}

void OrderedPublisher::Discard(const std::shared_ptr<Producer>& producer) {
  absl::MutexLock lock(&mutex_);
  if (producer_ == producer) producer_ = nullptr;
}

absl::Status OrderedPublisher::Offer(const TaskOutput& output, const Epilogue& epilogue) {
  std::shared_ptr<Task> task = FindTask(output.task);
  if (task == nullptr) {
    return absl::InternalError("offer of " + output.task.ToString() + ", which is not open");
  }
  ASSIGN_OR_RETURN(std::shared_ptr<Producer> producer, CurrentProducer());
  absl::MutexLock lock(&task->mutex);
  bool without_gap = task->sent == task->offered;
  task->offered = std::max(task->offered, output.position);
  bool same_producer = task->producer == producer || task->sent == task->durable;
  if (!without_gap || !same_producer) return absl::OkStatus();
  task->producer = producer;
  absl::Status status;
  if (output.position > task->sent) status = write_(output, task->sent, *producer);
  if (status.ok()) {
    task->sent = std::max(task->sent, output.position);
    if (epilogue != nullptr) status = epilogue(producer);
  }
  if (status.ok()) return status;
  if (absl::IsCancelled(status)) return status;
  // Part of it may have been queued. Commit finds the failure, and sends all of it again.
  task->sent = task->durable;
  task->producer = nullptr;
  return absl::OkStatus();
}

absl::Status OrderedPublisher::Commit(absl::Span<const TaskOutput* const> outputs,
                                      const Epilogue& epilogue) {
  RetryLog log;
  while (true) {
    ASSIGN_OR_RETURN(std::shared_ptr<Producer> producer, CurrentProducer());
    absl::Status status = CommitOnce(outputs, epilogue, producer);
    if (status.ok()) {
      log.Done("publishing: went through");
      return status;
    }
    if (absl::IsCancelled(status) || (cancel_ != nullptr && cancel_->load())) {
      return absl::CancelledError("stopped before all records were published");
    }
    // What failed for good is not taken down here: with records of a topic that is gone in its
    // queue, that can take for ever.
    if (!absl::IsUnavailable(status)) return status;
    Discard(producer);
    log.Say("publishing: {}, sending again", std::string(status.message()));
    absl::SleepFor(absl::Milliseconds(100));
  }
}

absl::Status OrderedPublisher::CommitOnce(absl::Span<const TaskOutput* const> outputs,
                                          const Epilogue& epilogue,
                                          const std::shared_ptr<Producer>& producer) {
  for (const TaskOutput* output : outputs) {
    std::shared_ptr<Task> task = FindTask(output->task);
    if (task == nullptr) {
      return absl::InternalError("commit of " + output->task.ToString() + ", which is not open");
    }
    RETURN_IF_ERROR(SendMissing(*task, *output, producer));
  }
  RETURN_IF_ERROR(producer->Flush());
  if (epilogue != nullptr) {
    RETURN_IF_ERROR(epilogue(producer));
    RETURN_IF_ERROR(producer->Flush());
  }
  for (const TaskOutput* output : outputs) {
    std::shared_ptr<Task> task = FindTask(output->task);
    absl::MutexLock lock(&task->mutex);
    task->durable = std::max(task->durable, output->position);
  }
  return absl::OkStatus();
}

absl::Status OrderedPublisher::SendMissing(Task& task, const TaskOutput& output,
                                           const std::shared_ptr<Producer>& producer) {
  absl::MutexLock lock(&task.mutex);
  if (task.producer != producer) {  // what an earlier producer was given may be lost
    task.sent = task.durable;
    task.producer = producer;
  }
  if (output.position <= task.sent) return absl::OkStatus();
  RETURN_IF_ERROR(write_(output, task.sent, *producer));
  task.sent = output.position;
  task.offered = std::max(task.offered, output.position);
  return absl::OkStatus();
}

}  // namespace forebay
