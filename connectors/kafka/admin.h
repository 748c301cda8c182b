// Questions to the cluster, and topics to create and to delete.
//
//   ASSIGN_OR_RETURN(auto admin, KafkaAdmin::Create(config));
//   RETURN_IF_ERROR(admin->WaitForBroker(absl::InfiniteDuration(), &stop));
//   ASSIGN_OR_RETURN(int32_t partitions, admin->PartitionCount("transactions"));
//
// Asking about a topic never creates it. Thread-safe.
#ifndef FOREBAY_CONNECTORS_KAFKA_ADMIN_H_
#define FOREBAY_CONNECTORS_KAFKA_ADMIN_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/kafka/client_config.h"
#include "connectors/kafka/connection_fault.h"
#include "engine/task/topic_identity.h"

namespace forebay {

struct TopicSpec {
  std::string name;
  int32_t partitions = 1;
  bool any_partition_count = false;  // an existing topic may have any number of partitions
  std::string fed_by;                // the source's topic whose number of partitions it has
  bool large_records = true;         // its records may be as large as any of forebay's
  int32_t replication = -1;          // -1: the broker's default
  std::map<std::string, std::string> config;
  // Settings that only newer brokers know: left out where the broker refuses them.
  std::map<std::string, std::string> optional_config;

  bool operator==(const TopicSpec&) const = default;
};

class KafkaAdmin {
 public:
  static absl::StatusOr<std::unique_ptr<KafkaAdmin>> Create(const KafkaConfig& config);

  // Returns when a broker answers; says every few seconds that it waits. DEADLINE_EXCEEDED after
  // `limit`, CANCELLED when `cancel` (may be null) becomes true. FAILED_PRECONDITION, within
  // seconds, when brokers refuse the password or cannot be trusted: waiting would not help.
  absl::Status WaitForBroker(absl::Duration limit, const std::atomic<bool>* cancel);

  // NOT_FOUND says how to create the topic. UNAVAILABLE: no broker answered within 10 s.
  absl::StatusOr<int32_t> PartitionCount(const std::string& topic);

  // Returns when the topic is there, with leaders. One that exists is left as it is;
  // FAILED_PRECONDITION if its number of partitions is another. UNAVAILABLE as above.
  absl::Status CreateTopic(const TopicSpec& spec);

  // Those of `topics` that exist, by name. UNAVAILABLE as above.
  absl::StatusOr<std::map<std::string, TopicIdentity>> Describe(
      const std::vector<std::string>& topics);

  // The max.message.bytes of each of these topics that the broker tells, by name. UNAVAILABLE as
  // above; an error of the request as a whole.
  absl::StatusOr<std::map<std::string, int64_t>> MaxMessageBytes(
      const std::vector<std::string>& topics);

  // The names of all topics that this client may see. UNAVAILABLE as above.
  absl::StatusOr<std::set<std::string>> Topics();

  // Returns when the topic is gone; OK if there is none. UNAVAILABLE as above; FAILED_PRECONDITION:
  // the broker does not let this client delete it, or nobody.
  absl::Status DeleteTopic(const std::string& topic);

  rd_kafka_s* client() const { return client_.get(); }

 private:
  explicit KafkaAdmin(std::string bootstrap_servers)
      : bootstrap_servers_(std::move(bootstrap_servers)) {}

  absl::Status RequestCreation(const TopicSpec& spec, bool with_optional_config);
  absl::Status WaitForTopic(const TopicSpec& spec);
  absl::Status RequestDeletion(const std::string& topic);
  absl::Status WaitUntilGone(const std::string& topic);

  const std::string bootstrap_servers_;
  ConnectionFault fault_;  // noted and read by WaitForBroker
  ClientHandle client_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_ADMIN_H_
