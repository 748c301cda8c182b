#include "connectors/kafka/topic_request.h"

#include <memory>

#include "connectors/kafka/kafka_error.h"

namespace forebay {
namespace {

// Empty where the broker (before 2.8) gives none.
std::string IdOf(const rd_kafka_TopicDescription_t* topic) {
  const rd_kafka_Uuid_t* id = rd_kafka_TopicDescription_topic_id(topic);
  if (rd_kafka_Uuid_most_significant_bits(id) == 0 && rd_kafka_Uuid_least_significant_bits(id) == 0)
    return "";
  return rd_kafka_Uuid_base64str(id);
}

}  // namespace

void RequestTopics(rd_kafka_t* client, const std::vector<std::string>& topics,
                   const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* answer) {
  std::vector<const char*> names;
  names.reserve(topics.size());
  for (const std::string& topic : topics) names.push_back(topic.c_str());
  std::unique_ptr<rd_kafka_TopicCollection_t, decltype(&rd_kafka_TopicCollection_destroy)> asked(
      rd_kafka_TopicCollection_of_topic_names(names.data(), names.size()),
      &rd_kafka_TopicCollection_destroy);
  rd_kafka_DescribeTopics(client, asked.get(), options, answer);
}

absl::StatusOr<std::map<std::string, TopicIdentity>> TopicsOf(rd_kafka_event_t* answer) {
  std::map<std::string, TopicIdentity> identities;
  size_t count = 0;
  const rd_kafka_TopicDescription_t** topics =
      rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(answer), &count);
  for (size_t i = 0; i < count; ++i) {
    std::string name = rd_kafka_TopicDescription_name(topics[i]);
    if (const rd_kafka_error_t* error = rd_kafka_TopicDescription_error(topics[i])) {
      int code = rd_kafka_error_code(error);
      if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) continue;
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return KafkaStatus(code, "asking for topic " + name, rd_kafka_error_string(error));
    }
    size_t partitions = 0;
    rd_kafka_TopicDescription_partitions(topics[i], &partitions);
    identities[name] = {IdOf(topics[i]), static_cast<int32_t>(partitions)};
  }
  return identities;
}

}  // namespace forebay
