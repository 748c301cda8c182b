// Feeds the repartition topics (S26): every record that a source's task forwards goes to the
// partition that its entity key hashes to (Kafka's murmur2).
//
//   RepartitionSink sink(Repartitions(task_plans), {{"flights", 8}},
//                        {.kafka = config, .cancel = &give_up});
//
// Offer sends at once; Commit waits until all is acknowledged and then puts a marker with the
// task's position into every partition of the source's repartition topics. Delivery is at least
// once: the reading task drops what it has seen, by source offset. Waits and errors as
// UpdateSink's.
#ifndef FOREBAY_CONNECTORS_KAFKA_REPARTITION_SINK_H_
#define FOREBAY_CONNECTORS_KAFKA_REPARTITION_SINK_H_

#include <atomic>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "connectors/kafka/client_config.h"
#include "connectors/kafka/ordered_publisher.h"
#include "connectors/kafka/topics.h"
#include "engine/worker/sink.h"

namespace forebay {

struct RepartitionSinkOptions {
  KafkaConfig kafka;
  const std::atomic<bool>* cancel = nullptr;  // must outlive the sink
};

class RepartitionSink : public Sink {
 public:
  // `source_partitions`: by topic, as for PlanTopics.
  RepartitionSink(const std::vector<Repartition>& repartitions,
                  const absl::flat_hash_map<std::string, int32_t>& source_partitions,
                  RepartitionSinkOptions options);

  absl::StatusOr<Offset> Open(const TaskId& task) override;
  absl::Status Offer(const TaskOutput& output) override;
  absl::Status Commit(absl::Span<const TaskOutput* const> outputs) override;
  absl::Status Close(const TaskId& task) override;

 private:
  struct Target {
    std::string entity;
    std::string topic;
    int32_t partitions;
  };

  absl::Status Write(const TaskOutput& output, Offset after, Producer& producer) const;
  absl::Status WriteMarkers(const TaskOutput& output, Producer& producer) const;

  absl::flat_hash_map<std::string, std::vector<Target>> targets_;  // by source topic
  absl::flat_hash_map<TaskId, Offset> marked_;                     // commit thread only
  OrderedPublisher publisher_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_REPARTITION_SINK_H_
