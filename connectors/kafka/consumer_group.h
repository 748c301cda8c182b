// A project's consumer group, seen from outside.
#ifndef FOREBAY_CONNECTORS_KAFKA_CONSUMER_GROUP_H_
#define FOREBAY_CONNECTORS_KAFKA_CONSUMER_GROUP_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "connectors/kafka/admin.h"
#include "engine/batch/event_batch.h"

namespace forebay {

// A worker is known for session.timeout.ms after it was killed, too.
struct GroupMember {
  std::string worker_id;  // empty: not one of forebay's workers
  std::string host;
  std::vector<TaskId> tasks;  // that the group has given to it
};

// Nullopt: there is no such group. UNAVAILABLE: no broker answered within 10 s.
absl::StatusOr<std::optional<std::vector<GroupMember>>> FindGroupMembers(KafkaAdmin& admin,
                                                                         const std::string& group);

// "worker b (10.0.0.2) has partitions 1, 3; nobody has partition 2 yet", of tasks of one topic.
std::string DescribeOwners(absl::Span<const GroupMember> members, absl::Span<const TaskId> tasks);

// Who has what, asked for now and then beside other work.
class GroupWatch {
 public:
  // `client` gives any client of the cluster.
  GroupWatch(std::function<ClientHandle()> client, std::string group);
  ~GroupWatch();

  // Asks if it is time to, and takes what has been answered; never waits. One thread.
  void Look(absl::Time now);

  // DescribeOwners as of the last answer; empty before the first. Any thread.
  std::string DescribeOwnersOf(absl::Span<const TaskId> tasks) const;

 private:
  struct Question;

  const std::function<ClientHandle()> client_;
  const std::string group_;
  absl::Time next_ = absl::InfinitePast();
  std::unique_ptr<Question> question_;  // under way
  mutable absl::Mutex mutex_;
  std::optional<std::vector<GroupMember>> members_ ABSL_GUARDED_BY(mutex_);
};

// Deletes the group with its committed offsets; waits up to `patience` until its last members are
// forgotten. OK if there is none. DEADLINE_EXCEEDED.
absl::Status DeleteGroup(KafkaAdmin& admin, const std::string& group, absl::Duration patience);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_CONSUMER_GROUP_H_
