// Events from Kafka: what the consumer fetches, decoded.
#ifndef FOREBAY_CLI_KAFKA_SOURCE_H_
#define FOREBAY_CLI_KAFKA_SOURCE_H_

#include <map>

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
  // All outlive the source. `key_check` looks at every batch.
  KafkaSource(KafkaConsumer* consumer, const std::vector<TaskPlan>& plans, KeyCheck* key_check)
      : consumer_(consumer), plans_(plans), key_check_(key_check) {}

  absl::StatusOr<EventBatch> Next(const TaskId& task, size_t max_records,
                                  absl::Duration timeout) override;

 private:
  absl::StatusOr<EventDecoder*> DecoderOf(const TaskId& task);

  KafkaConsumer* const consumer_;
  const std::vector<TaskPlan>& plans_;
  KeyCheck* const key_check_;
  absl::Mutex mutex_;
  std::map<TaskId, EventDecoder> decoders_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace forebay

#endif  // FOREBAY_CLI_KAFKA_SOURCE_H_
