// Produces the stream of transaction_stream.h into a new topic of a Kafka broker, keyed by user and
// partitioned as the Java client would.
//
//   produce_transactions --brokers localhost:9092 --topic transactions --events 1000000
#include <librdkafka/rdkafka.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/transaction_stream.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/client_config.h"
#include "fmt/format.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

struct Flags {
  std::string brokers;
  std::string topic = "transactions";
  uint64_t events = 1'000'000;
  int32_t partitions = 4;
  TransactionStreamOptions stream;
};

struct CloseProducer {
  void operator()(rd_kafka_t* producer) const { rd_kafka_destroy(producer); }
};
using Producer = std::unique_ptr<rd_kafka_t, CloseProducer>;

absl::StatusOr<Producer> OpenProducer(const std::string& brokers, int64_t* undelivered) {
  char error[512];
  rd_kafka_conf_t* config = rd_kafka_conf_new();
  const std::pair<const char*, const char*> settings[] = {
      {"bootstrap.servers", brokers.c_str()},
      {"partitioner", "murmur2_random"},
      {"compression.type", "lz4"},
      {"enable.idempotence", "true"},
      {"linger.ms", "50"},
      {"batch.size", "262144"},
      {"queue.buffering.max.messages", "500000"},
  };
  for (auto [name, value] : settings) {
    if (rd_kafka_conf_set(config, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) {
      rd_kafka_conf_destroy(config);
      return absl::InvalidArgumentError(error);
    }
  }
  rd_kafka_conf_set_opaque(config, undelivered);
  rd_kafka_conf_set_dr_msg_cb(
      config, [](rd_kafka_t*, const rd_kafka_message_t* message, void* undelivered) {
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) --*static_cast<int64_t*>(undelivered);
      });
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, config, error, sizeof error);
  if (producer == nullptr) {
    rd_kafka_conf_destroy(config);
    return absl::InternalError(error);
  }
  return Producer(producer);
}

absl::Status Send(rd_kafka_t* producer, const std::string& topic, const Transaction& transaction) {
  while (true) {
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic.c_str()),
        RD_KAFKA_V_KEY(transaction.user_id.data(), transaction.user_id.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(transaction.value.data()), transaction.value.size()),
        RD_KAFKA_V_TIMESTAMP(transaction.event_time), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return absl::UnavailableError(
          fmt::format("producing to {}: {}", topic, rd_kafka_err2str(error)));
    }
    rd_kafka_poll(producer, 100);
  }
}

absl::Status Produce(const Flags& flags) {
  KafkaConfig config;
  config.bootstrap_servers = flags.brokers;
  ASSIGN_OR_RETURN(std::unique_ptr<KafkaAdmin> admin, KafkaAdmin::Create(config));
  RETURN_IF_ERROR(admin->CreateTopic(
      {.name = flags.topic, .partitions = flags.partitions, .config = {{"retention.ms", "-1"}}}));
  int64_t undelivered = static_cast<int64_t>(flags.events);
  ASSIGN_OR_RETURN(Producer producer, OpenProducer(flags.brokers, &undelivered));
  TransactionStream stream(flags.stream);
  Transaction transaction;
  for (uint64_t i = 0; i < flags.events; ++i) {
    stream.Fill(i, &transaction);
    RETURN_IF_ERROR(Send(producer.get(), flags.topic, transaction));
    if (i % 1000 == 0) rd_kafka_poll(producer.get(), 0);
  }
  rd_kafka_flush(producer.get(), 120'000);
  if (undelivered == 0) return absl::OkStatus();
  return absl::UnavailableError(
      fmt::format("{} of {} events did not reach the broker", undelivered, flags.events));
}

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) {
  forebay::Flags flags;
  CLI::App app("Produces card transactions into a new topic of a Kafka broker");
  app.add_option("--brokers", flags.brokers, "host:port of a broker")->required();
  app.add_option("--topic", flags.topic, "The topic to create")->capture_default_str();
  app.add_option("--events", flags.events, "How many")->capture_default_str();
  app.add_option("--partitions", flags.partitions, "Of the topic")->capture_default_str();
  app.add_option("--users", flags.stream.users, "At most so many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--zipf", flags.stream.zipf, "How unevenly users share the events; 0: evenly")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--seed", flags.stream.seed, "Another seed, another stream")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  absl::Status produced = forebay::Produce(flags);
  if (produced.ok()) return 0;
  fmt::print(stderr, "produce_transactions: {}\n", std::string(produced.message()));
  return 1;
}
