// Events from Kafka: what the consumer fetches, decoded.
#ifndef FOREBAY_CONNECTORS_KAFKA_KAFKA_SOURCE_H_
#define FOREBAY_CONNECTORS_KAFKA_KAFKA_SOURCE_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "connectors/decode/event_decoder.h"
#include "connectors/kafka/consumer.h"
#include "connectors/kafka/files_end.h"
#include "connectors/key_check/key_check.h"
#include "engine/task/task_plan.h"
#include "engine/task/topic_identity.h"
#include "engine/worker/source.h"

namespace forebay {

// Of a topic with files before it (Source.batch), what is in the files is left out: what is known
// before `until`, or stands before it.
class KafkaSource final : public Source {
 public:
  // All but `topics` outlive the source. `topics`: what the topics of the plans are, as far as it
  // is known. `key_check` looks at every batch. `cancel`: Bounds waits for brokers no longer.
  KafkaSource(KafkaConsumer* consumer, const std::vector<TaskPlan>& plans,
              std::map<std::string, TopicIdentity> topics, KeyCheck* key_check,
              const std::atomic<bool>* cancel);

  absl::Status Poll(absl::Duration timeout) override { return consumer_->Poll(timeout); }
  void JoinAgain() override { consumer_->JoinAgain(); }
  void Close() override { consumer_->Close(); }

  absl::StatusOr<PartitionBounds> Bounds(const TaskId& task) override;

  absl::StatusOr<std::vector<Offset>> QueryEnds(absl::Span<const TaskId> tasks,
                                                absl::Duration timeout) override {
    return consumer_->QueryEnds(tasks, timeout);
  }

  std::optional<Offset> KnownEnd(const TaskId& task) const override {
    std::optional<Watermarks> marks = consumer_->CachedWatermarks(task);
    return marks ? std::optional(marks->high) : std::nullopt;
  }

  // Nothing of the partition was read before. REQUIRES: its bounds were asked.
  void ReadsFirst(const TaskId& task);

  // Behind which offset the task is read, as PartitionOwner.assigned says it. FAILED_PRECONDITION
  // as of CheckNothingBetween. REQUIRES: its bounds were asked.
  absl::StatusOr<std::optional<Offset>> Begin(const TaskId& task, const TaskReading& reading);

  absl::StatusOr<EventBatch> Next(const TaskId& task, size_t max_records,
                                  absl::Duration timeout) override;

  void Watch(const TaskId& task, std::function<void()> wake) override {
    consumer_->Watch(task, std::move(wake));
  }

 private:
  const TaskPlan* PlanOf(const TaskId& task) const;
  absl::StatusOr<EventDecoder*> DecoderOf(const TaskId& task);
  // Takes out what is in the files before the topic.
  absl::Status LeaveToFiles(const TaskId& task, EventBatch* batch);
  // REQUIRES: there are records.
  absl::Status CheckPartitions(const TaskId& task, const EventBatch& batch, int partitions);
  absl::Status CheckReach(const TaskId& task, const TaskPlan& plan, const EventBatch& batch);
  ReadControlRecord ControlReaderOf(const TaskPlan& plan);
  void WarnOfControl(const std::string& topic, Offset offset, const absl::Status& status);
  // Once per source, whichever of its tasks saw it first.
  void Warn(const TaskId& task, const std::string& mismatch);

  KafkaConsumer* const consumer_;
  const std::vector<TaskPlan>& plans_;
  const std::map<std::string, TopicIdentity> topics_;
  KeyCheck* const key_check_;
  const std::atomic<bool>* const cancel_;
  const std::shared_ptr<const RecordBytes> bytes_;
  absl::Mutex mutex_;
  std::map<TaskId, EventDecoder> decoders_ ABSL_GUARDED_BY(mutex_);
  // As of the last Bounds.
  std::map<TaskId, PartitionBounds> bounds_ ABSL_GUARDED_BY(mutex_);
  std::set<TaskId> at_oldest_ ABSL_GUARDED_BY(mutex_);  // and no event was read yet
  std::map<TaskId, size_t> partitions_checked_ ABSL_GUARDED_BY(mutex_);  // records
  std::set<std::string> warned_ ABSL_GUARDED_BY(mutex_);  // topics whose times were warned of
  std::set<std::string> warned_of_control_ ABSL_GUARDED_BY(mutex_);  // topics
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_KAFKA_SOURCE_H_
