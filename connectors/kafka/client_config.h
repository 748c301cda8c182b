// How every Kafka client of forebay is made: the user's librdkafka properties (`kafka:` in
// forebay.yaml) with the engine's own settings applied over them.
//
//   KafkaConfig config{.bootstrap_servers = "127.0.0.1:9092",
//                      .properties = {{"security.protocol", "sasl_ssl"}}};
//   RETURN_IF_ERROR(CheckProperties(config.properties));
//
// Properties have librdkafka's names (its CONFIGURATION.md); those that the engine's guarantees
// rest on are not among the user's (schemas/definition/kafka_properties.h). What librdkafka logs
// goes to spdlog.
#ifndef FOREBAY_CONNECTORS_KAFKA_CLIENT_CONFIG_H_
#define FOREBAY_CONNECTORS_KAFKA_CLIENT_CONFIG_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct rd_kafka_s;
struct rd_kafka_conf_s;

namespace forebay {

struct KafkaConfig {
  std::string bootstrap_servers;                  // "host:port,host:port"
  std::map<std::string, std::string> properties;  // the user's; librdkafka names
};

// Whether clients can be made of the properties; no broker is asked. INVALID_ARGUMENT naming the
// first that is unknown to librdkafka or has a value that it refuses, settings that do not go
// together, a mechanism of SASL that is not built in, or a file that is missing or is no
// certificate or key.
absl::Status CheckProperties(const std::map<std::string, std::string>& properties);

// The most bytes that a record of forebay's may have: the property message.max.bytes.
int64_t MessageMaxBytes(const KafkaConfig& config);

enum class ClientRole { kAdmin, kConsumer, kProducer };

struct ConfDeleter {
  void operator()(rd_kafka_conf_s* conf) const;
};
using ConfHandle = std::unique_ptr<rd_kafka_conf_s, ConfDeleter>;

// A client. Messages, queues and topics of it must be gone before the last copy is.
using ClientHandle = std::shared_ptr<rd_kafka_s>;

// The settings for one client: forebay's defaults, then the user's properties, then the engine's
// settings of the role, then `own` (group.id, transactional.id and the like).
absl::StatusOr<ConfHandle> NewConf(const KafkaConfig& config, ClientRole role,
                                   const std::map<std::string, std::string>& own);

// How far a consumer of `partitions` partitions fetches ahead, by default: about `records` and 256
// MiB in all, shared evenly.
std::map<std::string, std::string> FetchAhead(int64_t records, int64_t partitions);

// Starts the client; it connects on its own. INVALID_ARGUMENT when settings contradict each other.
absl::StatusOr<ClientHandle> NewClient(ConfHandle conf, ClientRole role);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_CLIENT_CONFIG_H_
