// Events from Kafka: what the consumer fetches, decoded.
#ifndef FOREBAY_CLI_KAFKA_SOURCE_H_
#define FOREBAY_CLI_KAFKA_SOURCE_H_

#include <atomic>
#include <map>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "connectors/decode/event_decoder.h"
#include "connectors/kafka/consumer.h"
#include "connectors/key_check/key_check.h"
#include "engine/task/task_plan.h"
#include "engine/worker/source.h"

namespace forebay {

class KafkaSource final : public Source {
 public:
  // All outlive the source. `key_check` looks at every batch. `cancel`: Bounds waits for brokers no
  // longer.
  KafkaSource(KafkaConsumer* consumer, const std::vector<TaskPlan>& plans, KeyCheck* key_check,
              const std::atomic<bool>* cancel)
      : consumer_(consumer), plans_(plans), key_check_(key_check), cancel_(cancel) {}

  absl::StatusOr<PartitionBounds> Bounds(const TaskId& task) override;

  absl::StatusOr<EventBatch> Next(const TaskId& task, size_t max_records,
                                  absl::Duration timeout) override;

 private:
  absl::StatusOr<EventDecoder*> DecoderOf(const TaskId& task);
  // Once per source, whichever of its tasks saw it first.
  void Warn(const TaskId& task, const std::string& mismatch);

  KafkaConsumer* const consumer_;
  const std::vector<TaskPlan>& plans_;
  KeyCheck* const key_check_;
  const std::atomic<bool>* const cancel_;
  absl::Mutex mutex_;
  std::map<TaskId, EventDecoder> decoders_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> warned_ ABSL_GUARDED_BY(mutex_);  // topics whose times were warned of
};

}  // namespace forebay

#endif  // FOREBAY_CLI_KAFKA_SOURCE_H_
