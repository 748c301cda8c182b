// A project's consumer group, seen from outside.
#ifndef FOREBAY_CONNECTORS_KAFKA_CONSUMER_GROUP_H_
#define FOREBAY_CONNECTORS_KAFKA_CONSUMER_GROUP_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/kafka/admin.h"

namespace forebay {

// A worker is known for session.timeout.ms after it stopped, too.
struct GroupMember {
  std::string worker_id;  // empty: not one of forebay's workers
  std::string client_id;  // of one life of a worker
  std::string host;
};

// Nullopt: there is no such group. UNAVAILABLE: no broker answered within 10 s.
absl::StatusOr<std::optional<std::vector<GroupMember>>> FindGroupMembers(KafkaAdmin& admin,
                                                                         const std::string& group);

// Deletes the group with its committed offsets; waits up to `patience` until its last members are
// forgotten. OK if there is none. DEADLINE_EXCEEDED.
absl::Status DeleteGroup(KafkaAdmin& admin, const std::string& group, absl::Duration patience);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_CONSUMER_GROUP_H_
