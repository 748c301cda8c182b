// The question what topics are, and its answer. For .cc files: brings in rdkafka.h.
#ifndef FOREBAY_CONNECTORS_KAFKA_TOPIC_REQUEST_H_
#define FOREBAY_CONNECTORS_KAFKA_TOPIC_REQUEST_H_

#include <librdkafka/rdkafka.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/task/topic_identity.h"

namespace forebay {

// Sends it; none of the topics is created by that. REQUIRES: `topics` is not empty.
void RequestTopics(rd_kafka_t* client, const std::vector<std::string>& topics,
                   const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* answer);

// Of those that exist, by name. The first error of a topic that may exist all the same.
absl::StatusOr<std::map<std::string, TopicIdentity>> TopicsOf(rd_kafka_event_t* answer);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_TOPIC_REQUEST_H_
