#include "connectors/kafka/kafka_source.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "connectors/kafka/control_reader.h"
#include "connectors/kafka/repartition_record.h"
#include "connectors/kafka/retry_log.h"
#include "fmt/format.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

class BytesOfMessages final : public RecordBytes {
  RecordHeaders Headers(const RawRecord& record) const override { return HeadersOf(record); }
};

std::optional<RepartitionOrigin> OriginOf(const RawRecord& record) {
  absl::StatusOr<RepartitionHeaders> headers = ReadRepartitionHeaders(record);
  if (!headers.ok()) return std::nullopt;
  return RepartitionOrigin{.origin = headers->origin, .known_time = headers->known_time};
}

// Whose views the topic of the plan feeds.
std::vector<const v1::Entity*> EntitiesOf(const TaskPlan& plan) {
  std::set<const v1::Entity*> entities;
  for (const ViewTaskPlan& view : plan.views) entities.insert(view.entity);
  for (const ForwardPlan& forward : plan.forwards) entities.insert(forward.entity);
  return {entities.begin(), entities.end()};
}

}  // namespace

KafkaSource::KafkaSource(KafkaConsumer* consumer, const std::vector<TaskPlan>& plans,
                         std::map<std::string, TopicIdentity> topics, KeyCheck* key_check,
                         const std::atomic<bool>* cancel)
    : consumer_(consumer),
      plans_(plans),
      topics_(std::move(topics)),
      key_check_(key_check),
      cancel_(cancel),
      bytes_(std::make_shared<BytesOfMessages>()) {}

absl::StatusOr<EventDecoder*> KafkaSource::DecoderOf(const TaskId& task) {
  absl::MutexLock lock(&mutex_);
  auto known = decoders_.find(task);
  if (known != decoders_.end()) return &known->second;
  for (const TaskPlan& plan : plans_) {
    if (plan.topic != task.topic) continue;
    ASSIGN_OR_RETURN(EventDecoder decoder,
                     EventDecoder::Make(*plan.source, plan.columns,
                                        plan.repartition ? OriginOf : ReadRepartitionOrigin(),
                                        ControlReaderOf(plan)));
    return &decoders_.insert({task, std::move(decoder)}).first->second;
  }
  return absl::InternalError(fmt::format("no plan reads the topic of task {}", task.ToString()));
}

// Of one task. What cannot be read is passed over, so that a record of whoever else says so cannot
// halt the task, and is said once.
ReadControlRecord KafkaSource::ControlReaderOf(const TaskPlan& plan) {
  auto reader = std::make_shared<ControlReader>(EntitiesOf(plan), plan.repartition);
  return [this, &topic = plan.topic, reader](const RawRecord& record) {
    absl::StatusOr<std::optional<ControlRecord>> control = reader->Read(record);
    if (control.ok()) return *std::move(control);
    WarnOfControl(topic, record.offset, control.status());
    return std::optional(ControlRecord());
  };
}

void KafkaSource::WarnOfControl(const std::string& topic, Offset offset,
                                const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  if (!warned_of_control_.insert(topic).second) return;
  spdlog::warn(
      "topic {}: the control record at offset {} of a partition is passed over, as are "
      "others like it: {}",
      topic, offset.value(), std::string(status.message()));
}

absl::StatusOr<PartitionBounds> KafkaSource::Bounds(const TaskId& task) {
  auto topic = topics_.find(task.topic);
  RetryLog log;
  while (true) {
    absl::StatusOr<Watermarks> marks = consumer_->QueryWatermarks(task, absl::Seconds(2));
    if (marks.ok()) {
      log.Done("the ends of partitions are known");
      absl::MutexLock lock(&mutex_);
      ends_[task] = marks->high;
      return PartitionBounds{.oldest = marks->low,
                             .next = marks->high,
                             .topic_id = topic == topics_.end() ? "" : topic->second.id};
    }
    if (!absl::IsUnavailable(marks.status())) return marks.status();
    if (cancel_ != nullptr && cancel_->load())
      return absl::CancelledError("stopped while asking for the ends of partitions");
    log.SayLater("{}, retrying", std::string(marks.status().message()));
  }
}

void KafkaSource::ReadsFirst(const TaskId& task) {
  absl::MutexLock lock(&mutex_);
  key_check_->ReadFirst(task, ends_[task]);
}

void KafkaSource::Warn(const TaskId& task, const std::string& mismatch) {
  absl::MutexLock lock(&mutex_);
  if (warned_.insert(task.topic).second) spdlog::warn("topic {}: {}", task.topic, mismatch);
}

absl::StatusOr<EventBatch> KafkaSource::Next(const TaskId& task, size_t max_records,
                                             absl::Duration timeout) {
  ASSIGN_OR_RETURN(FetchedRecords fetched, consumer_->Fetch(task, max_records, timeout));
  EventBatch batch;
  if (fetched.records.empty()) {
    batch.last_offset = fetched.last_offset;
  } else {
    ASSIGN_OR_RETURN(EventDecoder * decoder, DecoderOf(task));
    ASSIGN_OR_RETURN(batch, decoder->Decode(fetched.records, fetched.last_offset));
    std::string mismatch = decoder->TakeUnitMismatch();
    if (!mismatch.empty()) Warn(task, mismatch);
    RETURN_IF_ERROR(key_check_->Look(task, batch));
  }
  batch.at_end = fetched.at_end;
  batch.bytes = bytes_;
  batch.owner = std::move(fetched.owner);
  return batch;
}

}  // namespace forebay
