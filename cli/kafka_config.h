// forebay.yaml's `kafka:` as the connectors take it.
#ifndef FOREBAY_CLI_KAFKA_CONFIG_H_
#define FOREBAY_CLI_KAFKA_CONFIG_H_

#include "absl/status/statusor.h"
#include "connectors/kafka/client_config.h"
#include "schemas/definition/config.h"

namespace forebay {

// INVALID_ARGUMENT for a file that cannot be read, and what CheckProperties refuses.
absl::StatusOr<KafkaConfig> MakeKafkaConfig(const ProjectConfig& config);

}  // namespace forebay

#endif  // FOREBAY_CLI_KAFKA_CONFIG_H_
