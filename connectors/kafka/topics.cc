#include "connectors/kafka/topics.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/task/task_plan.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"
#include "schemas/types/view_id.h"

namespace forebay {
namespace {

// Kept for ever: these records keep the timestamps of what they came from, which may be years old,
// and a broker deletes by timestamp.
std::map<std::string, std::string> KeepTimestamps() {
  return {{"cleanup.policy", "delete"},
          {"message.timestamp.type", "CreateTime"},
          {"retention.ms", "-1"}};
}

std::map<std::string, std::string> AnyTimestamp() {
  return {{"message.timestamp.after.max.ms", "9223372036854775807"},
          {"message.timestamp.before.max.ms", "9223372036854775807"}};
}

}  // namespace

TopicSpec UpdatesSpec(const v1::Project& project, const v1::FeatureView& view,
                      const std::string& fed_by, int32_t partitions, int64_t max_message_bytes) {
  return {.name = UpdateTopic(project.name(), view.name(), view.version()),
          .partitions = partitions,
          .fed_by = fed_by,
          .config = {{"cleanup.policy", "compact"},
                     {"max.message.bytes", std::to_string(max_message_bytes)}}};
}

// Read whole when a task starts: small segments are compacted soon.
TopicSpec PositionsSpec(std::string_view project, int64_t max_message_bytes) {
  return {.name = PositionsTopic(project),
          .partitions = 1,
          .large_records = false,
          .config = {{"cleanup.policy", "compact"},
                     {"segment.bytes", "16777216"},
                     {"min.cleanable.dirty.ratio", "0.1"},
                     {"max.message.bytes", std::to_string(max_message_bytes)}}};
}

std::vector<Repartition> Repartitions(absl::Span<const TaskPlan> tasks) {
  std::vector<Repartition> repartitions;
  for (const TaskPlan& task : tasks) {
    for (const ForwardPlan& forward : task.forwards) {
      repartitions.push_back(
          {task.source->name(), task.topic, forward.entity->name(), forward.topic});
    }
  }
  return repartitions;
}

std::map<std::string, TopicRole> TopicRoles(const v1::Project& project,
                                            absl::Span<const TaskPlan> tasks) {
  std::map<std::string, TopicRole> roles;
  for (const TaskPlan& task : tasks) roles[task.topic] = RoleOf(task);
  for (const v1::FeatureView& view : project.feature_views()) {
    if (view.updates() == v1::FeatureView::OFF || view.disabled()) continue;
    roles[UpdateTopic(project.name(), view.name(), view.version())] = {
        TopicUse::kUpdates, ViewId{view.name(), view.version()}.ToString()};
  }
  return roles;
}

absl::StatusOr<std::vector<TopicSpec>> PlanTopics(
    const v1::Project& project, const std::vector<Repartition>& repartitions,
    const absl::flat_hash_map<std::string, int32_t>& source_partitions, int64_t max_message_bytes) {
  std::vector<TopicSpec> specs;
  auto partitions_of = [&](const std::string& topic) -> absl::StatusOr<int32_t> {
    auto found = source_partitions.find(topic);
    if (found != source_partitions.end()) return found->second;
    return absl::NotFoundError(
        fmt::format("the number of partitions of topic {} is not known", topic));
  };
  for (const Repartition& repartition : repartitions) {
    ASSIGN_OR_RETURN(int32_t partitions, partitions_of(repartition.source_topic));
    specs.push_back({.name = repartition.topic,
                     .partitions = partitions,
                     .fed_by = repartition.source_topic,
                     .config = KeepTimestamps(),
                     .optional_config = AnyTimestamp()});
  }
  for (const v1::FeatureView& view : project.feature_views()) {
    if (view.updates() == v1::FeatureView::OFF) continue;
    auto source = std::find_if(project.sources().begin(), project.sources().end(),
                               [&](const v1::Source& s) { return s.name() == view.source(); });
    if (source->topic().empty()) continue;  // nobody publishes what is in files alone
    ASSIGN_OR_RETURN(int32_t partitions, partitions_of(source->topic()));
    specs.push_back(UpdatesSpec(project, view, source->topic(), partitions, max_message_bytes));
  }
  specs.push_back(PositionsSpec(project.name(), max_message_bytes));
  specs.push_back({.name = DeadLetterTopic(project.name()),
                   .partitions = 1,
                   .any_partition_count = true,
                   .config = KeepTimestamps(),
                   .optional_config = AnyTimestamp()});
  for (TopicSpec& spec : specs)
    spec.config["max.message.bytes"] = std::to_string(max_message_bytes);
  return specs;
}

TopicSpec FedTopic(const v1::Source& source, int32_t replication, int64_t max_message_bytes) {
  TopicSpec spec{.name = source.topic(),
                 .partitions = source.batch().partitions(),
                 .any_partition_count = true,
                 .replication = replication,
                 .config = KeepTimestamps(),
                 .optional_config = AnyTimestamp()};
  spec.config["max.message.bytes"] = std::to_string(max_message_bytes);
  return spec;
}

absl::Status EnsureTopics(KafkaAdmin& admin, const std::vector<TopicSpec>& specs) {
  for (const TopicSpec& spec : specs) RETURN_IF_ERROR(admin.CreateTopic(spec));
  return absl::OkStatus();
}

}  // namespace forebay
