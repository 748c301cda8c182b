#include "connectors/kafka/record_limits.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>

#include "engine/task/task_plan.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// What a batch with one record takes beside the payload: its frame, and forebay's headers, of which
// a topic's name (at most 249 bytes), its view's and numbers are the longest.
constexpr int64_t kFrameBytes = 1024;

constexpr int64_t kDefaultBatchSize = 1'000'000;  // librdkafka's batch.size

}  // namespace

void RecordLimits::Bound(const std::string& topic, int64_t max_message_bytes) {
  if (max_message_bytes >= most_) return;
  topics_[topic] = max_message_bytes;
  least_ = std::min(least_, max_message_bytes);
}

size_t RecordLimits::Payload(const std::string& topic) const {
  auto found = topics_.find(topic);
  int64_t bytes = found == topics_.end() ? most_ : found->second;
  return static_cast<size_t>(std::max<int64_t>(bytes - kFrameBytes, 0));
}

absl::Status LearnLimits(KafkaAdmin& admin, const std::vector<TopicSpec>& specs,
                         RecordLimits* limits) {
  std::vector<std::string> names;
  names.reserve(specs.size());
  for (const TopicSpec& spec : specs) names.push_back(spec.name);
  absl::StatusOr<std::map<std::string, int64_t>> asked = admin.MaxMessageBytes(names);
  if (absl::IsUnavailable(asked.status())) return asked.status();
  if (!asked.ok()) {
    spdlog::warn("{}: taken to be {} each", std::string(asked.status().message()), limits->most());
    return absl::OkStatus();
  }
  for (const TopicSpec& spec : specs) {
    auto found = asked->find(spec.name);
    if (found == asked->end() || found->second >= limits->most()) continue;
    const auto& [topic, bytes] = *found;
    limits->Bound(topic, bytes);
    if (!spec.large_records) continue;
    spdlog::warn(
        "topic {} takes records of up to {} bytes, this worker writes up to {} "
        "(`kafka: message.max.bytes`): larger ones are dead-lettered. To let the topic take them: "
        "kafka-configs.sh --alter --entity-type topics --entity-name {} --add-config "
        "max.message.bytes={}, then start the worker again",
        topic, bytes, limits->most(), topic, limits->most());
  }
  return absl::OkStatus();
}

void LimitBatches(const RecordLimits& limits, KafkaConfig* kafka) {
  if (limits.least() >= kDefaultBatchSize) return;
  kafka->properties.try_emplace("batch.size", std::to_string(limits.least()));
}

void LimitForwards(const RecordLimits& limits, std::vector<TaskPlan>* plans) {
  for (TaskPlan& plan : *plans) {
    for (ForwardPlan& forward : plan.forwards) forward.most_bytes = limits.Payload(forward.topic);
  }
}

}  // namespace forebay
