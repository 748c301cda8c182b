#include "connectors/kafka/exactly_once_sink.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "connectors/kafka/retry_log.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

constexpr absl::Duration kRetryPause = absl::Milliseconds(100);
constexpr absl::Duration kAbortPatience = absl::Seconds(3);

}  // namespace

ExactlyOnceSink::ExactlyOnceSink(const v1::Project& project, KafkaConsumer* consumer,
                                 UpdateSinkOptions options)
    : options_(std::move(options)),
      consumer_(consumer),
      transactional_id_(fmt::format("forebay-{}-{}", project.name(), options_.worker_id)),
      project_(project),
      updates_(PublishesUpdates(project)),
      positions_(project, options_.kafka, options_.cancel),
      writers_(project, options_.limits) {}

absl::StatusOr<Offset> ExactlyOnceSink::Open(const TaskId& task) {
  tasks_[task] = Task();
  writers_.Open(task, positions_.Of(task));
  if (producer_ == nullptr) {
    RETURN_IF_ERROR(EnsureProducer());  // asks for all tasks
  } else {
    RETURN_IF_ERROR(ReadPublished({task}));
  }
  return std::max(positions_.Of(task).Highest(), tasks_.at(task).committed);
}

WantedSteps ExactlyOnceSink::Wants(int view) const {
  return WantedUpdates(project_.feature_views(view), /*at_once=*/false);
}

// Encodes on the task's thread, so that the commit, which all tasks wait for, hands over only.
std::unique_ptr<SinkPart> ExactlyOnceSink::Prepare(const TaskId& task) {
  return writers_.NewPart(task);
}

UpdateWriter::Output ExactlyOnceSink::OutputOf(const TaskOutput& output) const {
  return {output, output.PartOf<UpdatePart>(this)};
}

absl::Status ExactlyOnceSink::Commit(absl::Span<const TaskOutput* const> outputs) {
  for (const TaskOutput* output : outputs) {
    if (!tasks_.contains(output->task)) {
      return absl::InternalError("commit of " + output->task.ToString() + ", which is not open");
    }
  }
  RETURN_IF_ERROR(Publish(outputs, {}));
  for (const TaskOutput* output : outputs) {
    Offset& position = tasks_.at(output->task).position;
    position = std::max(position, output->position);
  }
  return absl::OkStatus();
}

absl::Status ExactlyOnceSink::Close(const TaskId& task) {
  auto found = tasks_.find(task);
  if (found == tasks_.end()) return absl::OkStatus();
  absl::Status status;
  if (options_.commits_offsets && found->second.position > found->second.published) {
    status = Publish({}, {{task, found->second.position, nullptr}});
  }
  Lose(task);
  return status;
}

void ExactlyOnceSink::Lose(const TaskId& task) {
  tasks_.erase(task);
  writers_.Close(task);
}

std::vector<ExactlyOnceSink::Part> ExactlyOnceSink::PlanCommit(
    absl::Span<const TaskOutput* const> outputs) const {
  std::vector<Part> parts;
  absl::Time now = absl::Now();
  for (const TaskOutput* output : outputs) {
    const Task& task = tasks_.at(output->task);
    if (output->position <= task.published) continue;
    if (writers_.Find(output->task)->HasRecordsAfter(OutputOf(*output), task.published)) {
      parts.push_back({output->task, output->position, output});
    } else if (options_.commits_offsets && output->position > task.committed &&
               now - task.offset_sent >= kOffsetInterval) {
      parts.push_back({output->task, output->position, nullptr});
    }
  }
  return parts;
}

absl::Status ExactlyOnceSink::Publish(absl::Span<const TaskOutput* const> outputs,
                                      const std::vector<Part>& positions) {
  RetryLog log;
  while (true) {
    if (cancelled()) return absl::CancelledError("stopped before the updates were published");
    RETURN_IF_ERROR(EnsureProducer());
    // Anew each time: a transaction of unknown outcome may turn out to have been committed.
    std::vector<Part> parts = PlanCommit(outputs);
    for (const Part& part : positions) {
      if (part.position > tasks_.at(part.task).published) parts.push_back(part);
    }
    if (parts.empty()) break;
    bool records = std::any_of(parts.begin(), parts.end(),
                               [](const Part& part) { return part.output != nullptr; });
    if (!updates_ && !records) return SendPositions(parts);
    absl::Status status = PublishOnce(parts);
    if (status.ok()) break;
    bool fenced = producer_->fenced();
    // What is not done again holds nobody up: the next producer, or the broker, ends what is open.
    // Nor is the producer taken down here, which can take for ever where records wait in it.
    bool final = !absl::IsUnavailable(status) && !absl::IsAborted(status) && !fenced;
    bool goes_on = producer_->Recover(final ? kAbortPatience : absl::InfiniteDuration());
    if (!goes_on && !final) producer_ = nullptr;
    // Who has the id has the place in the group, too. It is the consumer that ends the worker.
    if (fenced && absl::IsFailedPrecondition(consumer_->CheckPlace())) {
      return absl::AbortedError(std::string(status.message()));
    }
    if (!absl::IsUnavailable(status)) return status;
    log.Say("publishing updates: {}, doing the transaction again", std::string(status.message()));
    absl::SleepFor(kRetryPause);
  }
  log.Done("publishing updates: went through");
  return absl::OkStatus();
}

absl::Status ExactlyOnceSink::PublishOnce(const std::vector<Part>& parts) {
  RETURN_IF_ERROR(consumer_->Health());
  std::shared_ptr<rd_kafka_consumer_group_metadata_s> group = consumer_->GroupMetadata();
  RETURN_IF_ERROR(producer_->Begin());
  std::vector<std::pair<TaskId, Offset>> next_offsets;
  for (const Part& part : parts) {
    if (options_.commits_offsets) next_offsets.push_back(NextOffset(part));
    if (part.output == nullptr) continue;
    Offset published = tasks_.at(part.task).published;
    std::shared_ptr<UpdateWriter> writer = writers_.Find(part.task);
    UpdateWriter::Output output = OutputOf(*part.output);
    RETURN_IF_ERROR(producer_->Explain(writer->Write(output, published, producer_->records())));
    for (const std::string& key : writer->PositionKeys(output, published)) {
      RETURN_IF_ERROR(producer_->Explain(
          WritePosition(project_.name(), key, part.position, producer_->records())));
    }
  }
  // Who is not in the group any more must not publish: the broker looks at whoever sends offsets.
  if (!options_.commits_offsets)
    next_offsets.emplace_back(TaskId{PositionsTopic(project_.name()), PartitionId(0)}, Offset(0));
  RETURN_IF_ERROR(producer_->SendOffsets(next_offsets, group.get()));
  RETURN_IF_ERROR(producer_->Commit());
  SetPublished(parts);
  return absl::OkStatus();
}

absl::Status ExactlyOnceSink::SendPositions(const std::vector<Part>& parts) {
  std::vector<std::pair<TaskId, Offset>> next_offsets;
  next_offsets.reserve(parts.size());
  for (const Part& part : parts) next_offsets.push_back(NextOffset(part));
  // Until it is answered: a late one must not set back what a transaction has set since.
  absl::Status status = consumer_->Commit(next_offsets, absl::InfiniteDuration(), options_.cancel);
  if (absl::IsUnavailable(status)) {
    spdlog::debug("kafka: {}", std::string(status.message()));
    return absl::OkStatus();  // nobody waits for them; they are sent again with the next ones
  }
  RETURN_IF_ERROR(status);
  SetPublished(parts);
  return absl::OkStatus();
}

void ExactlyOnceSink::SetPublished(const std::vector<Part>& parts) {
  for (const Part& part : parts) {
    Task& task = tasks_.at(part.task);
    task.published = part.position;
    task.committed = std::max(task.committed, part.position);
    task.offset_sent = absl::Now();
  }
}

std::pair<TaskId, Offset> ExactlyOnceSink::NextOffset(const Part& part) const {
  return {part.task, std::max(part.position, tasks_.at(part.task).committed) + 1};
}

absl::Status ExactlyOnceSink::EnsureProducer() {
  if (producer_ != nullptr) return absl::OkStatus();
  RetryLog log;
  std::unique_ptr<TransactionalProducer> producer;
  while (producer == nullptr) {
    auto made = TransactionalProducer::Create(options_.kafka, transactional_id_, options_.cancel);
    if (made.ok()) {
      producer = *std::move(made);
    } else if (!absl::IsUnavailable(made.status())) {
      return made.status();
    } else if (cancelled()) {
      return absl::CancelledError("stopped while opening transactions");
    } else {
      log.Say("opening transactions: {}, retrying", std::string(made.status().message()));
      absl::SleepFor(kRetryPause);
    }
  }
  std::vector<TaskId> tasks;
  for (const auto& [task, state] : tasks_) tasks.push_back(task);
  RETURN_IF_ERROR(ReadPublished(tasks));
  producer_ = std::move(producer);  // only now: nothing may be produced without knowing
  return absl::OkStatus();
}

absl::Status ExactlyOnceSink::ReadPublished(absl::Span<const TaskId> tasks) {
  RetryLog log;
  std::vector<TaskId> asked;
  if (options_.commits_offsets) asked.assign(tasks.begin(), tasks.end());
  asked.push_back({PositionsTopic(project_.name()), PartitionId(0)});  // of lanes
  while (!tasks.empty()) {
    auto committed = consumer_->Committed(asked, absl::Seconds(2));
    if (committed.ok()) {
      for (size_t i = 0; i + 1 < asked.size(); ++i) {
        tasks_.at(tasks[i]).committed = (*committed)[i].value_or(Offset(0)) - 1;
      }
      log.Done("committed offsets known");
      break;
    }
    if (!absl::IsUnavailable(committed.status())) return committed.status();
    if (cancelled()) return absl::CancelledError("stopped while asking for committed offsets");
    log.SayLater("{}, retrying", std::string(committed.status().message()));
  }
  if (tasks.empty()) return absl::OkStatus();
  // No transaction of these tasks is open any more: their committed offsets were waited for.
  RETURN_IF_ERROR(positions_.Refresh());
  for (const TaskId& task : tasks) writers_.Find(task)->SetHeld(positions_.Of(task));
  return absl::OkStatus();
}

}  // namespace forebay
