// Produces the stream of transaction_stream.h into a new topic of a Kafka broker, keyed by user and
// partitioned as the Java client would.
//
//   produce_transactions --brokers localhost:9092 --topic transactions --events 1000000
//                        --format protobuf
//   produce_transactions --print --events 10    # as lines of JSON, without Kafka
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/event_producer.h"
#include "bench/transaction_stream.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/client_config.h"
#include "fmt/format.h"
#include "generated/transaction.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

struct Flags {
  std::string brokers;
  std::string topic = "transactions";
  uint64_t events = 1'000'000;
  int32_t partitions = 4;
  bool protobuf = false;
  bool print = false;
  TransactionStreamOptions stream;
};

// A Transaction as an event of a topic, in JSON or protobuf.
class EventEncoder {
 public:
  explicit EventEncoder(bool protobuf) : protobuf_(protobuf) {}

  // Valid until the next call.
  const std::string& Encode(const Transaction& t) {
    value_.clear();
    if (!protobuf_) {
      AppendJson(t, &value_);
      return value_;
    }
    message_.set_transaction_id(t.transaction_id());
    message_.set_user_id(t.user_id);
    message_.set_merchant_id(t.merchant_id());
    message_.set_amount(t.amount());
    message_.set_currency(t.currency);
    message_.set_country(t.country);
    message_.set_channel(t.channel);
    message_.set_mcc(t.mcc);
    message_.set_device_id(t.device_id());
    message_.set_latitude(t.latitude.value());
    message_.set_longitude(t.longitude.value());
    message_.set_event_time(t.event_time);
    message_.AppendToString(&value_);
    return value_;
  }

 private:
  const bool protobuf_;
  cards::v1::Transaction message_;
  std::string value_;
};

void Print(const Flags& flags) {
  TransactionStream stream(flags.stream);
  EventEncoder encoder(false);
  Transaction transaction;
  for (uint64_t i = 0; i < flags.events; ++i) {
    stream.Next(&transaction);
    std::puts(encoder.Encode(transaction).c_str());
  }
}

absl::Status Produce(const Flags& flags) {
  KafkaConfig config;
  config.bootstrap_servers = flags.brokers;
  ASSIGN_OR_RETURN(std::unique_ptr<KafkaAdmin> admin, KafkaAdmin::Create(config));
  RETURN_IF_ERROR(admin->CreateTopic(
      {.name = flags.topic, .partitions = flags.partitions, .config = {{"retention.ms", "-1"}}}));
  ASSIGN_OR_RETURN(
      std::unique_ptr<EventProducer> producer,
      EventProducer::Create(flags.brokers, {{"linger.ms", "50"},
                                            {"batch.size", "262144"},
                                            {"queue.buffering.max.messages", "500000"}}));
  TransactionStream stream(flags.stream);
  EventEncoder encoder(flags.protobuf);
  Transaction transaction;
  for (uint64_t i = 0; i < flags.events; ++i) {
    stream.Next(&transaction);
    RETURN_IF_ERROR(producer->Send(flags.topic, transaction.user_id, encoder.Encode(transaction),
                                   transaction.event_time));
  }
  return producer->Flush();
}

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) {
  forebay::Flags flags;
  CLI::App app("Produces card transactions into a new topic of a Kafka broker");
  auto* print =
      app.add_flag("--print", flags.print, "Lines of JSON to the standard output instead");
  auto* brokers = app.add_option("--brokers", flags.brokers, "host:port of a broker");
  brokers->excludes(print);
  app.add_option("--topic", flags.topic, "The topic to create")->capture_default_str();
  app.add_option("--events", flags.events, "How many")->capture_default_str();
  app.add_option("--partitions", flags.partitions, "Of the topic")->capture_default_str();
  app.add_option_function<std::string>(
         "--format", [&](const std::string& format) { flags.protobuf = format == "protobuf"; },
         "json or protobuf")
      ->check(CLI::IsMember({"json", "protobuf"}))
      ->default_str("json");
  app.add_option("--users", flags.stream.users, "At most so many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--zipf", flags.stream.zipf, "How unevenly users share the events; 0: evenly")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--in-three-days", flags.stream.in_three_days,
                 "How many events it takes to fill three days of event time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--seed", flags.stream.seed, "Another seed, another stream")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (flags.print) {
    forebay::Print(flags);
    return 0;
  }
  if (flags.brokers.empty()) {
    fmt::print(stderr, "produce_transactions: give --brokers or --print\n");
    return 2;
  }
  absl::Status produced = forebay::Produce(flags);
  if (produced.ok()) return 0;
  fmt::print(stderr, "produce_transactions: {}\n", std::string(produced.message()));
  return 1;
}
