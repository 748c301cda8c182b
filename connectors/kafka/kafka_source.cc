#include "connectors/kafka/kafka_source.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "connectors/kafka/control_reader.h"
#include "connectors/kafka/repartition_record.h"
#include "connectors/kafka/retry_log.h"
#include "engine/batch/take_rows.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/shown_bytes.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

// After so many records of a task, one of each batch tells a producer that came later.
constexpr size_t kPartitionsCheckedFirst = 1000;

class BytesOfMessages final : public RecordBytes {
  RecordHeaders Headers(const RawRecord& record) const override { return HeadersOf(record); }
};

// Of events before `until` (microseconds), and of records refused that were written before it.
void DropKnownBefore(int64_t until, EventBatch* batch) {
  std::erase_if(batch->rejected,
                [&](const RejectedRecord& rejected) { return rejected.record.timestamp < until; });
  auto is_before = [&](KnownTime time) { return time.value() < until; };
  if (std::none_of(batch->known_times.begin(), batch->known_times.end(), is_before)) return;
  std::vector<RowOfBatch> kept;
  std::vector<size_t> kept_before = {0};  // by row
  for (size_t row = 0; row < batch->size(); ++row) {
    if (!is_before(batch->known_times[row])) {
      batch->records[kept.size()] = batch->records[row];
      batch->event_times[kept.size()] = batch->event_times[row];
      batch->known_times[kept.size()] = batch->known_times[row];
      kept.push_back({batch->columns.get(), static_cast<int64_t>(row)});
    }
    kept_before.push_back(kept.size());
  }
  for (KeyErasure& erasure : batch->erasures) erasure.before_row = kept_before[erasure.before_row];
  batch->columns = TakeRows(batch->columns, kept);
  batch->records.resize(kept.size());
  batch->event_times.erase(batch->event_times.begin() + static_cast<ptrdiff_t>(kept.size()),
                           batch->event_times.end());
  batch->known_times.erase(batch->known_times.begin() + static_cast<ptrdiff_t>(kept.size()),
                           batch->known_times.end());
}

// The rows of the files before a topic lie where Kafka's own partitioner would put them.
absl::Status CheckPartition(const TaskId& task, const RawRecord& record, int partitions) {
  if (partitions <= 0 || !record.key || record.key->empty()) return absl::OkStatus();
  const PartitionId there = PartitionOf(*record.key, partitions);
  if (there == task.partition) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "the record at offset {} has the key {}, which Kafka's own partitioner (murmur2) puts into "
      "partition {}; so it did with the rows of the files before the topic, and the features of "
      "the "
      "key would be in two tasks. Let producers use it (`partitioner=murmur2_random` for those on "
      "librdkafka), or say `key: none` of the source: then forebay partitions the events again",
      record.offset.value(), ShownBytes(*record.key), there.value()));
}

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
  const TaskPlan* plan = PlanOf(task);
  if (plan == nullptr)
    return absl::InternalError(fmt::format("no plan reads the topic of task {}", task.ToString()));
  ASSIGN_OR_RETURN(EventDecoder decoder,
                   EventDecoder::Make(*plan->source, plan->columns,
                                      plan->repartition ? OriginOf : ReadRepartitionOrigin(),
                                      ControlReaderOf(*plan)));
  return &decoders_.insert({task, std::move(decoder)}).first->second;
}

const TaskPlan* KafkaSource::PlanOf(const TaskId& task) const {
  auto plan = std::find_if(plans_.begin(), plans_.end(),
                           [&](const TaskPlan& one) { return one.topic == task.topic; });
  return plan == plans_.end() ? nullptr : &*plan;
}

// Where the oldest record that is kept comes first, and older ones are gone.
absl::Status KafkaSource::CheckReach(const TaskId& task, const TaskPlan& plan,
                                     const EventBatch& batch) {
  if (batch.size() == 0) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  if (at_oldest_.erase(task) == 0 || bounds_[task].oldest <= Offset(0)) return absl::OkStatus();
  const int64_t until = plan.source->batch().until_us();
  const int64_t first = batch.known_times.front().value();
  if (first < until) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "the files of source {} end at {}, and the oldest record that the topic keeps is of {}: what "
      "came between is in neither. Let files have it, and set `until` to a time that the topic "
      "reaches back to; then remove what the project left with `forebay reset --all`, and run "
      "`forebay backfill` anew",
      plan.source->name(), FormatTime(until), FormatTime(first)));
}

absl::Status KafkaSource::LeaveToFiles(const TaskId& task, EventBatch* batch) {
  const TaskPlan& plan = *PlanOf(task);
  if (plan.repartition || !HasFilesBeforeTopic(*plan.source)) return absl::OkStatus();
  if (plan.source->batch().has_until_us()) {
    RETURN_IF_ERROR(CheckReach(task, plan, *batch));
    DropKnownBefore(plan.source->batch().until_us(), batch);
  }
  auto topic = topics_.find(task.topic);
  if (plan.views.empty() || batch->size() == 0 || topic == topics_.end()) return absl::OkStatus();
  return CheckPartitions(task, *batch, topic->second.partitions);
}

// All of the first records: one that another partitioner placed may be where it should be by
// chance.
absl::Status KafkaSource::CheckPartitions(const TaskId& task, const EventBatch& batch,
                                          int partitions) {
  size_t rows = 1;
  {
    absl::MutexLock lock(&mutex_);
    size_t& checked = partitions_checked_[task];
    if (checked < kPartitionsCheckedFirst) rows = batch.size();
    checked += rows;
  }
  for (size_t row = 0; row < rows; ++row)
    RETURN_IF_ERROR(CheckPartition(task, batch.records[row], partitions));
  return absl::OkStatus();
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
      return bounds_[task] = {.oldest = marks->low,
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
  key_check_->ReadFirst(task, bounds_[task].next);
}

absl::StatusOr<std::optional<Offset>> KafkaSource::Begin(const TaskId& task,
                                                         const TaskReading& reading) {
  absl::MutexLock lock(&mutex_);
  const TaskPlan& plan = *PlanOf(task);
  const std::optional<Offset> end =
      plan.repartition ? std::nullopt : EndOfFiles(*plan.source, task);
  if (end) RETURN_IF_ERROR(CheckNothingBetween(*plan.source, task, *end, reading, bounds_[task]));
  if (reading.position) return reading.position;
  if (end && *end > Offset(0)) return *end - 1;
  at_oldest_.insert(task);
  return std::nullopt;
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
    RETURN_IF_ERROR(LeaveToFiles(task, &batch));
    RETURN_IF_ERROR(key_check_->Look(task, batch));
  }
  batch.at_end = fetched.at_end;
  batch.bytes = bytes_;
  batch.owner = std::move(fetched.owner);
  return batch;
}

}  // namespace forebay
