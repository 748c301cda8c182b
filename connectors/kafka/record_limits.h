// How large the records of the topics that forebay writes may be: known before anything is
// produced, so that what does not fit is set aside instead of being refused in the middle of a
// commit.
//
//   RecordLimits limits(config);                          // as its message.max.bytes says
//   RETURN_IF_ERROR(LearnLimits(*admin, specs, &limits));  // and as the topics have it
//   if (key.size() + value.size() > limits.Payload(topic)) ...
#ifndef FOREBAY_CONNECTORS_KAFKA_RECORD_LIMITS_H_
#define FOREBAY_CONNECTORS_KAFKA_RECORD_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/client_config.h"

namespace forebay {

struct TaskPlan;

class RecordLimits {
 public:
  explicit RecordLimits(const KafkaConfig& config)
      : most_(MessageMaxBytes(config)), least_(most_) {}

  // The topic takes batches of up to `max_message_bytes`.
  void Bound(const std::string& topic, int64_t max_message_bytes);

  // The most bytes of a record of the topic: its key, its value, and its headers beside forebay's
  // own. Counted as they are, though a batch that compresses well would be taken.
  size_t Payload(const std::string& topic) const;

  // Of any topic.
  int64_t most() const { return most_; }
  // A batch of this size every topic takes.
  int64_t least() const { return least_; }

 private:
  int64_t most_;
  int64_t least_;
  absl::flat_hash_map<std::string, int64_t> topics_;  // those that take less
};

// Asks for the max.message.bytes of topics that PlanTopics has planned, and says which take less
// than this worker would write. What the broker does not tell is taken to be no less. UNAVAILABLE:
// no broker answered.
absl::Status LearnLimits(KafkaAdmin& admin, const std::vector<TopicSpec>& specs,
                         RecordLimits* limits);

// Tells producers what every topic takes.
void LimitBatches(const RecordLimits& limits, KafkaConfig* kafka);

// Tells tasks what the repartition topics hold.
void LimitForwards(const RecordLimits& limits, std::vector<TaskPlan>* plans);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_RECORD_LIMITS_H_
