#include "connectors/kafka/repartition_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "connectors/kafka/repartition_record.h"
#include "schemas/types/status_macros.h"

namespace forebay {

RepartitionSink::RepartitionSink(const std::vector<Repartition>& repartitions,
                                 const absl::flat_hash_map<std::string, int32_t>& source_partitions,
                                 RepartitionSinkOptions options)
    : publisher_(std::move(options.kafka), options.cancel,
                 [this](const TaskOutput& output, Offset after, Producer& producer) {
                   return Write(output, after, producer);
                 }) {
  for (const Repartition& repartition : repartitions) {
    auto partitions = source_partitions.find(repartition.source_topic);
    targets_[repartition.source_topic].push_back(
        {repartition.entity, repartition.topic,
         partitions == source_partitions.end() ? 0 : partitions->second});
  }
}

absl::StatusOr<Offset> RepartitionSink::Open(const TaskId& task) {
  publisher_.Open(task, Offset(-1));
  marked_[task] = Offset(-1);
  return Offset(-1);
}

absl::Status RepartitionSink::Offer(const TaskOutput& output) {
  if (!targets_.contains(output.task.topic)) return absl::OkStatus();
  return publisher_.Offer(output);
}

absl::Status RepartitionSink::Commit(absl::Span<const TaskOutput* const> outputs) {
  std::vector<const TaskOutput*> moved;
  for (const TaskOutput* output : outputs) {
    auto marked = marked_.find(output->task);
    if (marked == marked_.end()) {
      return absl::InternalError("commit of " + output->task.ToString() + ", which is not open");
    }
    if (targets_.contains(output->task.topic) && output->position > marked->second) {
      moved.push_back(output);
    }
  }
  if (moved.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(publisher_.Commit(moved, [&](Producer& producer) -> absl::Status {
    for (const TaskOutput* output : moved) RETURN_IF_ERROR(WriteMarkers(*output, producer));
    return absl::OkStatus();
  }));
  for (const TaskOutput* output : moved) marked_[output->task] = output->position;
  return absl::OkStatus();
}

absl::Status RepartitionSink::Close(const TaskId& task) {
  publisher_.Close(task);
  marked_.erase(task);
  return absl::OkStatus();
}

absl::Status RepartitionSink::Write(const TaskOutput& output, Offset after,
                                    Producer& producer) const {
  const std::vector<Target>& targets = targets_.at(output.task.topic);
  for (const ForwardedRecord& record : output.forwarded) {
    if (record.origin.offset <= after) continue;
    auto target = std::find_if(targets.begin(), targets.end(),
                               [&](const Target& t) { return t.entity == record.entity; });
    if (target == targets.end()) {
      return absl::InternalError(fmt::format("{} forwards to entity {}, which needs no repartition",
                                             output.task.ToString(), record.entity));
    }
    RecordHeaders headers = ForwardedHeaders(record);
    RETURN_IF_ERROR(producer.Produce({.topic = target->topic,
                                      .key = record.key,
                                      .value = record.value,
                                      .headers = ViewsOf(headers),
                                      .timestamp = record.timestamp}));
  }
  return absl::OkStatus();
}

absl::Status RepartitionSink::WriteMarkers(const TaskOutput& output, Producer& producer) const {
  RecordHeaders headers = MarkerHeaders({output.task.partition, output.position});
  for (const Target& target : targets_.at(output.task.topic)) {
    for (int32_t partition = 0; partition < target.partitions; ++partition) {
      RETURN_IF_ERROR(producer.Produce(
          {.topic = target.topic, .partition = partition, .headers = ViewsOf(headers)}));
    }
  }
  return absl::OkStatus();
}

}  // namespace forebay
