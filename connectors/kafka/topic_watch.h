// Whether the topics that features depend on are the ones that they were: at the start by what the
// positions topic notes of them, and while the worker runs (S30).
//
//   RETURN_IF_ERROR(CheckTopics(roles, specs, notes, present, "topic shop.positions"));
//   TopicWatch watch(admin.get(), roles, present);
//   while (!stop) { ...; RETURN_IF_ERROR(watch.Look(absl::Now())); }
#ifndef FOREBAY_CONNECTORS_KAFKA_TOPIC_WATCH_H_
#define FOREBAY_CONNECTORS_KAFKA_TOPIC_WATCH_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/topics.h"
#include "engine/task/topic_identity.h"

struct rd_kafka_queue_s;

namespace forebay {

// A decision of facts alone, before topics are created: `specs` are the topics to be, `notes` what
// `known_by` says of topics, `present` those of them that exist. FAILED_PRECONDITION: one is gone,
// is another one, or has another number of partitions than it had or than what feeds it; says what
// to do.
absl::Status CheckTopics(const std::map<std::string, TopicRole>& roles,
                         const std::vector<TopicSpec>& specs,
                         const std::map<std::string, TopicIdentity>& notes,
                         const std::map<std::string, TopicIdentity>& present,
                         std::string_view known_by);

class TopicWatch {
 public:
  // `admin` outlives it. `known`: the topics as they are now.
  TopicWatch(KafkaAdmin* admin, std::map<std::string, TopicRole> roles,
             std::map<std::string, TopicIdentity> known);
  ~TopicWatch();

  // Asks once a second, for all topics at once, without waiting for the answer: to be called often.
  // FAILED_PRECONDITION once two answers say that a topic is gone, another one, or has more
  // partitions. What a broker that is away does not say is not missed.
  absl::Status Look(absl::Time now);

 private:
  struct QueueDeleter {
    void operator()(rd_kafka_queue_s* queue) const;
  };

  bool IsBrokerThere() const;
  void Ask();
  absl::Status Compare(const std::map<std::string, TopicIdentity>& present);

  KafkaAdmin* const admin_;
  const std::map<std::string, TopicRole> roles_;
  const std::map<std::string, TopicIdentity> known_;
  std::vector<std::string> names_;
  absl::Time next_ = absl::InfinitePast();
  std::unique_ptr<rd_kafka_queue_s, QueueDeleter> answer_;  // null: nothing is asked
  bool unanswered_ = false;  // the last question
  // A broker that has not heard of the newest changes must not end the worker.
  bool suspected_ = false;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_TOPIC_WATCH_H_
