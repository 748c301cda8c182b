#include "cli/kafka_config.h"

#include "schemas/types/status_macros.h"

namespace forebay {

absl::StatusOr<KafkaConfig> MakeKafkaConfig(const ProjectConfig& config) {
  KafkaConfig kafka{.properties = config.kafka};
  if (auto servers = kafka.properties.find("bootstrap.servers");
      servers != kafka.properties.end()) {
    kafka.bootstrap_servers = servers->second;
    kafka.properties.erase(servers);
  }
  RETURN_IF_ERROR(CheckProperties(kafka.properties));
  return kafka;
}

}  // namespace forebay
