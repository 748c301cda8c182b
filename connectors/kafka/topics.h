// The topics that a project reads and writes: their names, and those that forebay creates.
//
//   absl::flat_hash_map<std::string, int32_t> partitions = {{"transactions", 8}};  // of sources
//   ASSIGN_OR_RETURN(auto specs, PlanTopics(project, partitions));
//   RETURN_IF_ERROR(EnsureTopics(*admin, specs));  // or EmbeddedBroker::CreateTopic for each
//
// This is the only place that knows these names.
#ifndef FOREBAY_CONNECTORS_KAFKA_TOPICS_H_
#define FOREBAY_CONNECTORS_KAFKA_TOPICS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/kafka/admin.h"

namespace forebay {

namespace v1 {
class Entity;
class FeatureView;
class Project;
class Source;
}  // namespace v1

// "<project>.<view>.v<version>": the change records of a view.
std::string UpdateTopic(const v1::Project& project, const v1::FeatureView& view);
// "<project>.dead-letter"
std::string DeadLetterTopic(const v1::Project& project);
// "<project>.<source>.by.<entity>"
std::string RepartitionTopic(const v1::Project& project, const std::string& source,
                             const std::string& entity);
// "forebay-<project>": the consumer group of all workers of a project.
std::string ConsumerGroup(const v1::Project& project);

// True when the columns that the source's topic is partitioned by are not the entity's keys (in any
// order), so that the entity's records are spread over partitions.
bool NeedsRepartition(const v1::Source& source, const v1::Entity& entity);

// The topic whose partitions are the tasks of `view`: its source's, or the repartition topic.
std::string TaskTopic(const v1::Project& project, const v1::FeatureView& view);

// The topics that tasks read: of each source that a view uses, then the repartition topics. Each
// once, in the order of the definitions.
std::vector<std::string> TaskTopics(const v1::Project& project);

// What has to exist beside the sources' topics: repartition topics, update topics, the dead-letter
// topic. `source_partitions`: by topic, of every source that a view uses; NOT_FOUND if one lacks.
absl::StatusOr<std::vector<TopicSpec>> PlanTopics(
    const v1::Project& project, const absl::flat_hash_map<std::string, int32_t>& source_partitions);

// Creates what is missing. Errors as KafkaAdmin::CreateTopic.
absl::Status EnsureTopics(KafkaAdmin& admin, const std::vector<TopicSpec>& specs);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_TOPICS_H_
