// The topics that a project reads and writes, and those that forebay creates. Their names are those
// of schemas/types/topics.h; which views need a repartition topic is what the TaskPlans say.
//
//   std::vector<Repartition> repartitions = Repartitions(task_plans);
//   absl::flat_hash_map<std::string, int32_t> partitions = {{"transactions", 8}};  // of sources
//   ASSIGN_OR_RETURN(auto specs,
//                    PlanTopics(project, repartitions, partitions, MessageMaxBytes(kafka)));
//   RETURN_IF_ERROR(EnsureTopics(*admin, specs));  // or EmbeddedBroker::CreateTopic for each
#ifndef FOREBAY_CONNECTORS_KAFKA_TOPICS_H_
#define FOREBAY_CONNECTORS_KAFKA_TOPICS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/kafka/admin.h"
#include "engine/task/topic_identity.h"

namespace forebay {

namespace v1 {
class FeatureView;
class Project;
class Source;
}  // namespace v1
struct TaskPlan;

// A topic that forebay feeds from a source for the views of an entity (S26).
struct Repartition {
  std::string source;
  std::string source_topic;
  std::string entity;
  std::string topic;

  bool operator==(const Repartition&) const = default;
};
std::vector<Repartition> Repartitions(absl::Span<const TaskPlan> tasks);

// The topics that the project's features depend on, by name, with what they are to it: those that
// are read and the update topics. Where one of these is another topic than before, nothing goes on.
std::map<std::string, TopicRole> TopicRoles(const v1::Project& project,
                                            absl::Span<const TaskPlan> tasks);

// What has to exist beside the sources' topics: repartition topics, update topics (of views with
// `updates` on), the positions topic, the dead-letter topic. `source_partitions`: by topic, of
// every source that a view uses; NOT_FOUND if one lacks. `max_message_bytes`: of each topic.
absl::StatusOr<std::vector<TopicSpec>> PlanTopics(
    const v1::Project& project, const std::vector<Repartition>& repartitions,
    const absl::flat_hash_map<std::string, int32_t>& source_partitions, int64_t max_message_bytes);

// The update topic of one view alone, `fed_by` a topic of that many partitions.
TopicSpec UpdatesSpec(const v1::Project& project, const v1::FeatureView& view,
                      const std::string& fed_by, int32_t partitions, int64_t max_message_bytes);

// The positions topic alone.
TopicSpec PositionsSpec(std::string_view project, int64_t max_message_bytes);

// The topic that a source's files are fed into (BatchSource.feed). `replication` as TopicSpec's.
TopicSpec FedTopic(const v1::Source& source, int32_t replication, int64_t max_message_bytes);

// Creates what is missing. Errors as KafkaAdmin::CreateTopic.
absl::Status EnsureTopics(KafkaAdmin& admin, const std::vector<TopicSpec>& specs);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_TOPICS_H_
