// The topics that a project reads and writes, on brokers that outlive its workers: created where
// they lack, and watched, as another topic of the same name is not gone on with (S30).
//
//   ProjectTopics topics(project, kafka, admin, TopicRoles(project, plans), &stop);
//   RETURN_IF_ERROR(topics.Open(std::move(specs), &limits));
//   while (...) RETURN_IF_ERROR(topics.Watch(worker.Tasks()));
#ifndef FOREBAY_CLI_PROJECT_TOPICS_H_
#define FOREBAY_CLI_PROJECT_TOPICS_H_

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/record_limits.h"
#include "connectors/kafka/topic_watch.h"
#include "engine/worker/running_task.h"

namespace forebay {

namespace v1 {
class Project;
}

class ProjectTopics {
 public:
  // All but the roles outlive it. `stop`: nobody is waited for any more.
  ProjectTopics(const v1::Project& project, const KafkaConfig& kafka, KafkaAdmin* admin,
                std::map<std::string, TopicRole> roles, const std::atomic<bool>* stop)
      : project_(project), kafka_(kafka), admin_(admin), roles_(std::move(roles)), stop_(*stop) {}

  // Creates those of `specs` that lack, and asks what all are and how large their records may be.
  // FAILED_PRECONDITION: one is not what the project knows, or was refused before.
  absl::Status Open(const std::vector<TopicSpec>& specs, RecordLimits* limits);

  // Of those with a role, as they are.
  const std::map<std::string, TopicIdentity>& identities() const { return identities_; }

  // To be called often; waits for nobody for long. FAILED_PRECONDITION: a topic has become another.
  absl::Status Watch(absl::Span<const std::shared_ptr<const RunningTask>> tasks);

  // Notes that topics, by name, were refused and why: what was committed before that was found
  // would let the next start pass over it.
  absl::Status NoteRefused(const std::map<std::string, std::string>& refused);

 private:
  std::vector<std::string> Names() const;
  absl::Status Recognize(const std::vector<TopicSpec>& specs);
  absl::Status Identify();
  absl::Status Note(absl::Span<const std::shared_ptr<const RunningTask>> tasks);

  const v1::Project& project_;
  const KafkaConfig& kafka_;
  KafkaAdmin* const admin_;
  const std::map<std::string, TopicRole> roles_;
  const std::atomic<bool>& stop_;
  std::map<std::string, TopicIdentity> identities_;
  std::set<std::string> noted_;  // in the positions topic
  std::unique_ptr<TopicWatch> watch_;
};

}  // namespace forebay

#endif  // FOREBAY_CLI_PROJECT_TOPICS_H_
