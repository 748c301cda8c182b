#include "connectors/kafka/at_least_once_sink.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "connectors/kafka/retry_log.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {

AtLeastOnceSink::AtLeastOnceSink(const v1::Project& project, KafkaConsumer* consumer,
                                 UpdateSinkOptions options)
    : options_(std::move(options)),
      project_(project),
      consumer_(consumer),
      published_(project, options_.kafka, options_.cancel),
      writers_(project, options_.limits),
      publisher_(options_.kafka, options_.cancel,
                 [this](const TaskOutput& output, Offset after, Producer& producer) {
                   return writers_.Find(output.task)->Write(OutputOf(output), after, producer);
                 }) {}

absl::StatusOr<Offset> AtLeastOnceSink::Open(const TaskId& task) {
  RetryLog log;
  Offset offset(-1);
  while (options_.commits_offsets) {
    auto committed = consumer_->Committed({task}, absl::Seconds(2));
    if (committed.ok()) {
      offset = committed->front().value_or(Offset(0)) - 1;
      break;
    }
    if (!absl::IsUnavailable(committed.status())) return committed.status();
    if (options_.cancel != nullptr && options_.cancel->load()) {
      return absl::CancelledError("stopped while asking for published offsets");
    }
    log.SayLater("{}, retrying", std::string(committed.status().message()));
  }
  RETURN_IF_ERROR(published_.Refresh());
  PublishedOffsets held = published_.Of(task);
  writers_.Open(task, held);
  positions_[task] = {offset, offset};
  publisher_.Open(task, Offset(-1));
  return std::max(held.Highest(), offset);
}

WantedSteps AtLeastOnceSink::Wants(int view) const {
  return WantedUpdates(project_.feature_views(view), /*at_once=*/true);
}

std::unique_ptr<SinkPart> AtLeastOnceSink::Prepare(const TaskId& task) {
  return writers_.NewPart(task);
}

UpdateWriter::Output AtLeastOnceSink::OutputOf(const TaskOutput& output) const {
  return {output, output.PartOf<UpdatePart>(this)};
}

absl::Status AtLeastOnceSink::Offer(const TaskOutput& output) { return publisher_.Offer(output); }

absl::Status AtLeastOnceSink::Commit(absl::Span<const TaskOutput* const> outputs) {
  bool due = absl::Now() - offsets_sent_ >= kOffsetInterval;
  RETURN_IF_ERROR(
      publisher_.Commit(outputs, [&](const std::shared_ptr<Producer>& producer) -> absl::Status {
        for (const TaskOutput* output : outputs) {
          for (std::string key :
               writers_.Find(output->task)->PositionKeys(OutputOf(*output), Offset(-1)))
            unwritten_[std::move(key)] = output->position;
        }
        return due ? WritePositions(*producer) : absl::OkStatus();
      }));
  if (due) unwritten_.clear();
  for (const TaskOutput* output : outputs) {
    Position& position = positions_.at(output->task);
    position.position = std::max(position.position, output->position);
  }
  if (!due) return absl::OkStatus();
  offsets_sent_ = absl::Now();
  std::vector<std::pair<TaskId, Offset>> next_offsets;
  for (const auto& [task, position] : positions_) {
    if (position.position > position.sent) next_offsets.emplace_back(task, position.position + 1);
  }
  return SendOffsets(next_offsets, absl::Seconds(1));
}

absl::Status AtLeastOnceSink::WritePositions(Producer& producer) {
  for (const auto& [key, position] : unwritten_)
    RETURN_IF_ERROR(WritePosition(project_.name(), key, position, producer));
  return absl::OkStatus();
}

absl::Status AtLeastOnceSink::Close(const TaskId& task) {
  auto found = positions_.find(task);
  if (found == positions_.end()) return absl::OkStatus();
  absl::Status status;
  if (!unwritten_.empty()) {
    status = publisher_.Commit({}, [this](const std::shared_ptr<Producer>& producer) {
      return WritePositions(*producer);
    });
    if (status.ok()) unwritten_.clear();
  }
  if (status.ok() && found->second.position > found->second.sent) {
    status = SendOffsets({{task, found->second.position + 1}}, absl::Seconds(5));
  }
  Lose(task);
  return status;
}

void AtLeastOnceSink::Lose(const TaskId& task) {
  // Whoever has the task now may have written newer positions.
  std::erase_if(unwritten_, [of_task = task.ToString()](const auto& position) {
    return position.first == of_task || absl::EndsWith(position.first, " " + of_task);
  });
  positions_.erase(task);
  publisher_.Close(task);
  writers_.Close(task);
}

absl::Status AtLeastOnceSink::SendOffsets(
    const std::vector<std::pair<TaskId, Offset>>& next_offsets, absl::Duration timeout) {
  if (next_offsets.empty() || !options_.commits_offsets) return absl::OkStatus();
  absl::Status status = consumer_->Commit(next_offsets, timeout, options_.cancel);
  // They only save repeated records, so nobody waits for them.
  if (absl::IsUnavailable(status) || absl::IsCancelled(status)) {
    spdlog::debug("kafka: {}", std::string(status.message()));
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(status);
  for (const auto& [task, next] : next_offsets) positions_.at(task).sent = next - 1;
  return absl::OkStatus();
}

}  // namespace forebay
