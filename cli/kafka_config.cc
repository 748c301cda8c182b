#include "cli/kafka_config.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "fmt/format.h"
#include "schemas/definition/kafka_properties.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// librdkafka's own errors of files say little.
absl::Status CheckFiles(const KafkaConfig& kafka) {
  for (const auto& [name, value] : kafka.properties) {
    if (!definition::IsKafkaFile(name, value) || access(value.c_str(), R_OK) == 0) continue;
    return absl::InvalidArgumentError(
        fmt::format("kafka property {}: {} cannot be read: {}. Put the file there, or set {} to "
                    "where it is",
                    name, value, std::strerror(errno), name));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<KafkaConfig> MakeKafkaConfig(const ProjectConfig& config) {
  KafkaConfig kafka{.properties = config.kafka};
  if (auto servers = kafka.properties.find("bootstrap.servers");
      servers != kafka.properties.end()) {
    kafka.bootstrap_servers = servers->second;
    kafka.properties.erase(servers);
  }
  RETURN_IF_ERROR(CheckFiles(kafka));
  RETURN_IF_ERROR(CheckProperties(kafka.properties));
  return kafka;
}

}  // namespace forebay
