// Reads and writes whole topics with plain librdkafka, for tests: shares no code with what they
// test.
#ifndef FOREBAY_CONNECTORS_KAFKA_TESTING_TOPIC_READER_H_
#define FOREBAY_CONNECTORS_KAFKA_TESTING_TOPIC_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace forebay {

struct TopicRecord {
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t timestamp_ms = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::string>> headers;

  // "" where there is none.
  std::string Header(const std::string& name) const;
};

// All committed records of a topic, partition by partition. Aborts when no broker answers in 30 s.
std::vector<TopicRecord> ReadTopic(const std::string& brokers, const std::string& topic);

// Waits until all are acknowledged. Aborts on an error.
void WriteTopic(const std::string& brokers, const std::string& topic,
                const std::vector<TopicRecord>& records);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_TESTING_TOPIC_READER_H_
