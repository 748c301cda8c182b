// Asks the workers of a project to forget a key: an `erase` control record (control_record.h) for
// every partition of the topics that feed the views of its entity.
//
//   std::vector<std::string> topics = ErasureTopics(task_plans, "user");
//   ASSIGN_OR_RETURN(std::vector<SentErasure> sent,
//                    SendErasure(config, topics, "user", KeyText(entity, parts),
//                                {.patience = absl::Seconds(30)}));
//
// Every partition gets one, since it is not known who put which key where. A worker that has
// applied all of them keeps nothing of what the records before them said of the key.
#ifndef FOREBAY_CONNECTORS_KAFKA_ERASURE_REQUEST_H_
#define FOREBAY_CONNECTORS_KAFKA_ERASURE_REQUEST_H_

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "connectors/kafka/client_config.h"
#include "engine/batch/event_batch.h"

namespace forebay {

struct TaskPlan;

struct SentErasure {
  TaskId partition;
  Offset offset;  // of the control record in it

  bool operator==(const SentErasure&) const = default;
};

struct SendErasureOptions {
  absl::Duration patience = absl::Seconds(30);  // with brokers that do not answer
  const std::atomic<bool>* cancel = nullptr;    // may be null
};

// The topics of sources that feed views of the entity, directly or through a repartition topic.
// Each once, in the order of the plans.
std::vector<std::string> ErasureTopics(absl::Span<const TaskPlan> plans, std::string_view entity);

// One per partition of each of `topics`, in their order, by partition; durable on return. `key`:
// the entity key as text, KeyText(). An error leaves some of them sent, perhaps: to send all again
// does no harm. NOT_FOUND: no such topic; FAILED_PRECONDITION: this client may not write to it;
// UNAVAILABLE: brokers do not answer; CANCELLED.
absl::StatusOr<std::vector<SentErasure>> SendErasure(const KafkaConfig& config,
                                                     const std::vector<std::string>& topics,
                                                     std::string_view entity, std::string_view key,
                                                     const SendErasureOptions& options = {});

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_ERASURE_REQUEST_H_
