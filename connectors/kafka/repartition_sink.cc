#include "connectors/kafka/repartition_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "connectors/kafka/repartition_record.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// At most, about, of all tasks of a source together, beside those of commits and of ends reached.
constexpr double kMarkersPerSecond = 3000;

SourceMarker MarkerOf(const TaskOutput& output) {
  SourceMarker marker{
      .partition = output.task.partition, .position = output.position, .at_end = output.at_end};
  if (output.clock != KnownTime::Min()) marker.clock = output.clock;
  return marker;
}

}  // namespace

RepartitionSink::RepartitionSink(const std::vector<Repartition>& repartitions,
                                 const absl::flat_hash_map<std::string, int32_t>& source_partitions,
                                 RepartitionSinkOptions options)
    : publisher_(std::move(options.kafka), options.cancel,
                 [this](const TaskOutput& output, Offset after, Producer& producer) {
                   return Write(output, after, producer);
                 }) {
  for (const Repartition& repartition : repartitions) {
    auto found = source_partitions.find(repartition.source_topic);
    int32_t partitions = found == source_partitions.end() ? 0 : found->second;
    Source& source = sources_[repartition.source_topic];
    source.targets.push_back({repartition.entity, repartition.topic, partitions});
    source.marker_interval += absl::Seconds(1) * partitions * partitions / kMarkersPerSecond;
  }
}

const RepartitionSink::Source* RepartitionSink::FindSource(const TaskId& task) const {
  auto found = sources_.find(task.topic);
  return found == sources_.end() ? nullptr : &found->second;
}

std::shared_ptr<RepartitionSink::Marks> RepartitionSink::FindMarks(const TaskId& task) const {
  absl::MutexLock lock(&mutex_);
  auto found = marks_.find(task);
  return found == marks_.end() ? nullptr : found->second;
}

// The first marker says that the task may have more to bring, whatever an earlier one said.
absl::StatusOr<Offset> RepartitionSink::Open(const TaskId& task) {
  const Source* source = FindSource(task);
  if (source == nullptr) return Offset(-1);
  publisher_.Open(task, Offset(-1));
  auto marks = std::make_shared<Marks>();
  {
    absl::MutexLock lock(&marks->mutex);
    marks->marked = marks->sent = {.partition = task.partition, .position = Offset(-1)};
  }
  RETURN_IF_ERROR(publisher_.Commit({}, [&](const std::shared_ptr<Producer>& producer) {
    absl::MutexLock lock(&marks->mutex);
    marks->producer = producer;
    return WriteMarkers(*source, marks->marked, *producer);
  }));
  absl::MutexLock marks_lock(&mutex_);
  marks_[task] = std::move(marks);
  return Offset(-1);
}

absl::Status RepartitionSink::Offer(const TaskOutput& output) {
  const Source* source = FindSource(output.task);
  if (source == nullptr) return absl::OkStatus();
  std::shared_ptr<Marks> marks = FindMarks(output.task);
  if (marks == nullptr) {
    return absl::InternalError("offer of " + output.task.ToString() + ", which is not open");
  }
  {
    absl::MutexLock lock(&marks->mutex);
    if (output.position > marks->sent.position) marks->sent.at_end = false;
  }
  return publisher_.Offer(output, [&](const std::shared_ptr<Producer>& producer) {
    absl::MutexLock lock(&marks->mutex);
    marks->sent = MarkerOf(output);
    return Mark(*source, /*due=*/false, *marks, producer);
  });
}

absl::Status RepartitionSink::Mark(const Source& source, bool due, Marks& marks,
                                   const std::shared_ptr<Producer>& producer) const {
  bool lost = marks.producer.lock() != producer;
  bool news = lost || marks.sent.position != marks.marked.position ||
              marks.sent.at_end != marks.marked.at_end;
  if (!news) return absl::OkStatus();
  // Who waits for the task waits no longer once it stands at its end.
  bool reached_end = marks.sent.at_end && (lost || !marks.marked.at_end);
  absl::Time now = absl::Now();
  if (!due && !reached_end && now - marks.marked_time < source.marker_interval)
    return absl::OkStatus();
  RETURN_IF_ERROR(WriteMarkers(source, marks.sent, *producer));
  marks.producer = producer;
  marks.marked = marks.sent;
  marks.marked_time = now;
  return absl::OkStatus();
}

absl::Status RepartitionSink::Commit(absl::Span<const TaskOutput* const> outputs) {
  std::vector<const TaskOutput*> forwarding;
  for (const TaskOutput* output : outputs) {
    if (FindSource(output->task) == nullptr) continue;
    if (FindMarks(output->task) == nullptr) {
      return absl::InternalError("commit of " + output->task.ToString() + ", which is not open");
    }
    forwarding.push_back(output);
  }
  if (sources_.empty()) return absl::OkStatus();
  return publisher_.Commit(forwarding,
                           [&](const std::shared_ptr<Producer>& producer) -> absl::Status {
                             for (const TaskOutput* output : forwarding)
                               RETURN_IF_ERROR(MarkCommit(*output, producer));
                             return absl::OkStatus();
                           });
}

absl::Status RepartitionSink::MarkCommit(const TaskOutput& output,
                                         const std::shared_ptr<Producer>& producer) const {
  std::shared_ptr<Marks> marks = FindMarks(output.task);
  absl::MutexLock lock(&marks->mutex);
  // What an offer could not send, or gave to another producer, the commit has, and no more.
  if (marks->sent.position < output.position || marks->producer.lock() != producer) {
    marks->sent = MarkerOf(output);
    marks->sent.at_end = false;
  }
  return Mark(*FindSource(output.task), /*due=*/true, *marks, producer);
}

absl::Status RepartitionSink::Close(const TaskId& task) {
  Lose(task);  // what it committed is there, and it has nothing else to say
  return absl::OkStatus();
}

void RepartitionSink::Lose(const TaskId& task) {
  publisher_.Close(task);
  absl::MutexLock lock(&mutex_);
  marks_.erase(task);
}

absl::Status RepartitionSink::Write(const TaskOutput& output, Offset after,
                                    Producer& producer) const {
  const std::vector<Target>& targets = FindSource(output.task)->targets;
  auto lacking = std::partition_point(
      output.forwarded.begin(), output.forwarded.end(),
      [after](const ForwardedRecord& record) { return record.origin.offset <= after; });
  for (; lacking != output.forwarded.end(); ++lacking) {
    const ForwardedRecord& record = *lacking;
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

absl::Status RepartitionSink::WriteMarkers(const Source& source, const SourceMarker& marker,
                                           Producer& producer) {
  RecordHeaders headers = MarkerHeaders(marker);
  for (const Target& target : source.targets) {
    for (int32_t partition = 0; partition < target.partitions; ++partition) {
      RETURN_IF_ERROR(producer.Produce(
          {.topic = target.topic, .partition = partition, .headers = ViewsOf(headers)}));
    }
  }
  return absl::OkStatus();
}

}  // namespace forebay
