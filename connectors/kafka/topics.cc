#include "connectors/kafka/topics.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

template <typename Items>
const auto* Find(const Items& items, const std::string& name) {
  auto found = std::find_if(items.begin(), items.end(),
                            [&](const auto& item) { return item.name() == name; });
  return found == items.end() ? nullptr : &*found;
}

const v1::Source& SourceOf(const v1::Project& project, const v1::FeatureView& view) {
  return *Find(project.sources(), view.source());
}

const v1::Entity& EntityOf(const v1::Project& project, const v1::FeatureView& view) {
  return *Find(project.entities(), view.entity());
}

// Kept for ever: these records keep the timestamps of what they came from, which may be years old,
// and a broker deletes by timestamp.
std::map<std::string, std::string> KeepTimestamps() {
  return {{"cleanup.policy", "delete"},
          {"message.timestamp.type", "CreateTime"},
          {"retention.ms", "-1"},
          {"max.message.bytes", "10485760"}};
}

std::map<std::string, std::string> AnyTimestamp() {
  return {{"message.timestamp.after.max.ms", "9223372036854775807"},
          {"message.timestamp.before.max.ms", "9223372036854775807"}};
}

}  // namespace

std::string UpdateTopic(const v1::Project& project, const v1::FeatureView& view) {
  return fmt::format("{}.{}.v{}", project.name(), view.name(), view.version());
}

std::string DeadLetterTopic(const v1::Project& project) { return project.name() + ".dead-letter"; }

std::string RepartitionTopic(const v1::Project& project, const std::string& source,
                             const std::string& entity) {
  return fmt::format("{}.{}.by.{}", project.name(), source, entity);
}

std::string ConsumerGroup(const v1::Project& project) { return "forebay-" + project.name(); }

bool NeedsRepartition(const v1::Source& source, const v1::Entity& entity) {
  std::set<std::string> source_key(source.key().begin(), source.key().end());
  std::set<std::string> entity_key;
  for (const v1::Field& key : entity.keys()) entity_key.insert(key.name());
  return source_key != entity_key;
}

std::string TaskTopic(const v1::Project& project, const v1::FeatureView& view) {
  const v1::Source& source = SourceOf(project, view);
  const v1::Entity& entity = EntityOf(project, view);
  return NeedsRepartition(source, entity) ? RepartitionTopic(project, source.name(), entity.name())
                                          : source.topic();
}

std::vector<std::string> TaskTopics(const v1::Project& project) {
  std::vector<std::string> topics;
  auto add = [&](const std::string& topic) {
    if (std::find(topics.begin(), topics.end(), topic) == topics.end()) topics.push_back(topic);
  };
  for (const v1::FeatureView& view : project.feature_views()) {
    add(SourceOf(project, view).topic());
  }
  for (const v1::FeatureView& view : project.feature_views()) add(TaskTopic(project, view));
  return topics;
}

absl::StatusOr<std::vector<TopicSpec>> PlanTopics(
    const v1::Project& project,
    const absl::flat_hash_map<std::string, int32_t>& source_partitions) {
  std::vector<TopicSpec> specs;
  for (const v1::FeatureView& view : project.feature_views()) {
    const std::string& source = SourceOf(project, view).topic();
    auto partitions = source_partitions.find(source);
    if (partitions == source_partitions.end()) {
      return absl::NotFoundError(fmt::format(
          "the number of partitions of topic {} (view {}) is not known", source, view.name()));
    }
    TopicSpec repartition{.name = TaskTopic(project, view),
                          .partitions = partitions->second,
                          .config = KeepTimestamps(),
                          .optional_config = AnyTimestamp()};
    if (repartition.name != source && std::count(specs.begin(), specs.end(), repartition) == 0) {
      specs.push_back(std::move(repartition));
    }
    specs.push_back({.name = UpdateTopic(project, view),
                     .partitions = partitions->second,
                     .config = {{"cleanup.policy", "compact"}}});
  }
  specs.push_back({.name = DeadLetterTopic(project),
                   .partitions = 1,
                   .any_partition_count = true,
                   .config = KeepTimestamps(),
                   .optional_config = AnyTimestamp()});
  return specs;
}

absl::Status EnsureTopics(KafkaAdmin& admin, const std::vector<TopicSpec>& specs) {
  for (const TopicSpec& spec : specs) RETURN_IF_ERROR(admin.CreateTopic(spec));
  return absl::OkStatus();
}

}  // namespace forebay
