#include "bench/event_producer.h"

#include <librdkafka/rdkafka.h>

#include "fmt/format.h"

namespace forebay {
namespace {

constexpr int kFlushMilliseconds = 120'000;

void CountDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void* undelivered) {
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
    --*static_cast<std::atomic<int64_t>*>(undelivered);
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventProducer>> EventProducer::Create(
    const std::string& brokers, const std::map<std::string, std::string>& properties) {
  std::map<std::string, std::string> all = {{"bootstrap.servers", brokers},
                                            {"partitioner", "murmur2_random"},
                                            {"compression.type", "lz4"},
                                            {"enable.idempotence", "true"}};
  all.insert(properties.begin(), properties.end());
  char error[512];
  rd_kafka_conf_t* config = rd_kafka_conf_new();
  for (const auto& [name, value] : all) {
    if (rd_kafka_conf_set(config, name.c_str(), value.c_str(), error, sizeof error) !=
        RD_KAFKA_CONF_OK) {
      rd_kafka_conf_destroy(config);
      return absl::InvalidArgumentError(error);
    }
  }
  std::unique_ptr<EventProducer> producer(new EventProducer);
  rd_kafka_conf_set_opaque(config, &producer->undelivered_);
  rd_kafka_conf_set_dr_msg_cb(config, CountDelivery);
  producer->producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, config, error, sizeof error);
  if (producer->producer_ == nullptr) {
    rd_kafka_conf_destroy(config);
    return absl::InternalError(error);
  }
  return producer;
}

EventProducer::~EventProducer() {
  if (producer_ != nullptr) rd_kafka_destroy(producer_);
}

absl::Status EventProducer::Send(const std::string& topic, std::string_view key,
                                 std::string_view value, int64_t timestamp_ms) {
  ++undelivered_;
  while (true) {
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer_, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_KEY(key.data(), key.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
        RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_poll(producer_, 0);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
      return absl::UnavailableError(
          fmt::format("producing to {}: {}", topic, rd_kafka_err2str(error)));
    }
    rd_kafka_poll(producer_, 100);
  }
}

absl::Status EventProducer::Flush() {
  rd_kafka_flush(producer_, kFlushMilliseconds);
  const int64_t undelivered = undelivered_.load();
  if (undelivered == 0) return absl::OkStatus();
  return absl::UnavailableError(fmt::format("{} events did not reach the broker", undelivered));
}

}  // namespace forebay
