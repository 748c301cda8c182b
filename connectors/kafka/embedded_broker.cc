#include "connectors/kafka/embedded_broker.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "connectors/kafka/kafka_error.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int kBrokerId = 1;

}  // namespace

absl::StatusOr<std::unique_ptr<EmbeddedBroker>> EmbeddedBroker::Start() {
  std::unique_ptr<EmbeddedBroker> broker(new EmbeddedBroker());
  ASSIGN_OR_RETURN(ConfHandle conf, NewConf({}, ClientRole::kAdmin, {}));
  ASSIGN_OR_RETURN(broker->client_, NewClient(std::move(conf), ClientRole::kAdmin));
  broker->cluster_ = rd_kafka_mock_cluster_new(broker->client_.get(), 1);
  if (broker->cluster_ == nullptr) {
    return absl::UnavailableError(
        "the embedded broker could not listen on a port of the loopback interface");
  }
  broker->bootstrap_servers_ = rd_kafka_mock_cluster_bootstraps(broker->cluster_);
  return broker;
}

EmbeddedBroker::~EmbeddedBroker() {
  if (cluster_ != nullptr) rd_kafka_mock_cluster_destroy(cluster_);
}

absl::Status EmbeddedBroker::CreateTopic(const std::string& topic, int32_t partitions) {
  absl::Status status =
      KafkaStatus(rd_kafka_mock_topic_create(cluster_, topic.c_str(), partitions, 1),
                  "creating topic " + topic + " in the embedded broker");
  return absl::IsAlreadyExists(status) ? absl::OkStatus() : status;
}

void EmbeddedBroker::SetDown(bool down) {
  if (down) {
    rd_kafka_mock_broker_set_down(cluster_, kBrokerId);
  } else {
    rd_kafka_mock_broker_set_up(cluster_, kBrokerId);
  }
}

void EmbeddedBroker::FailNextProduce(int error) {
  constexpr int16_t kProduceRequest = 0;  // of Kafka's protocol
  rd_kafka_mock_push_request_errors(cluster_, kProduceRequest, 1,
                                    static_cast<rd_kafka_resp_err_t>(error));
}

}  // namespace forebay
