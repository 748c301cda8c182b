// A Kafka broker inside this process, where no real one is wanted: librdkafka's mock cluster, on
// loopback ports that any Kafka client can use.
//
//   ASSIGN_OR_RETURN(auto broker, EmbeddedBroker::Start());
//   RETURN_IF_ERROR(broker->CreateTopic("transactions", 4));
//   config.bootstrap_servers = broker->bootstrap_servers();
//
// What it is not: durable (topics live as long as the object), and transactional (it takes
// transactions, but forgets the offsets sent with them and hides nothing that was aborted): use
// Delivery::kAtLeastOnce. It keeps the last 5 MB of a partition, older records go, so readers must
// keep up. It has no CreateTopics request; a topic also comes into being when a client that allows
// that asks for it, with 4 partitions.
#ifndef FOREBAY_CONNECTORS_KAFKA_EMBEDDED_BROKER_H_
#define FOREBAY_CONNECTORS_KAFKA_EMBEDDED_BROKER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/kafka/client_config.h"

struct rd_kafka_mock_cluster_s;

namespace forebay {

class EmbeddedBroker {
 public:
  static constexpr int32_t kDefaultPartitions = 4;

  static absl::StatusOr<std::unique_ptr<EmbeddedBroker>> Start();
  ~EmbeddedBroker();

  // A topic that exists is left as it is. Thread-safe.
  absl::Status CreateTopic(const std::string& topic, int32_t partitions = kDefaultPartitions);

  // "127.0.0.1:34567"
  const std::string& bootstrap_servers() const { return bootstrap_servers_; }

  // Stops answering, and answers again: for tests of outages.
  void SetDown(bool down);
  // Answers the next produce request with this rd_kafka_resp_err_t: for tests of failed records.
  void FailNextProduce(int error);

 private:
  EmbeddedBroker() = default;

  ClientHandle client_;
  rd_kafka_mock_cluster_s* cluster_ = nullptr;
  std::string bootstrap_servers_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_EMBEDDED_BROKER_H_
