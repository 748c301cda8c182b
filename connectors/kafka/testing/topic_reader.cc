#include "connectors/kafka/testing/topic_reader.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace forebay {
namespace {

constexpr int kPatienceMillis = 30'000;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "topic_reader: %s\n", what.c_str());
  std::abort();
}

rd_kafka_t* NewClient(rd_kafka_type_t type, const std::map<std::string, std::string>& settings) {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof(error)) !=
        RD_KAFKA_CONF_OK) {
      Fail(error);
    }
  }
  rd_kafka_t* client = rd_kafka_new(type, conf, error, sizeof(error));
  if (client == nullptr) Fail(error);
  return client;
}

int PartitionCount(rd_kafka_t* client, const std::string& topic) {
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, handle, &metadata, kPatienceMillis);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) Fail(topic + ": " + rd_kafka_err2str(error));
  int count = metadata->topics[0].partition_cnt;
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_destroy(handle);
  return count;
}

TopicRecord RecordOf(const rd_kafka_message_t& message) {
  TopicRecord record{.partition = message.partition, .offset = message.offset};
  record.timestamp_ms = rd_kafka_message_timestamp(&message, nullptr);
  if (message.key != nullptr) {
    record.key = std::string(static_cast<const char*>(message.key), message.key_len);
  }
  if (message.payload != nullptr) {
    record.value = std::string(static_cast<const char*>(message.payload), message.len);
  }
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name;
  const void* value;
  size_t size;
  for (size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    record.headers.emplace_back(name, std::string(static_cast<const char*>(value), size));
  }
  return record;
}

}  // namespace

std::string TopicRecord::Header(const std::string& name) const {
  auto found = std::find_if(headers.begin(), headers.end(),
                            [&](const auto& header) { return header.first == name; });
  return found == headers.end() ? "" : found->second;
}

std::vector<TopicRecord> ReadTopic(const std::string& brokers, const std::string& topic) {
  rd_kafka_t* client = NewClient(RD_KAFKA_CONSUMER, {{"bootstrap.servers", brokers},
                                                     {"group.id", "topic-reader"},
                                                     {"enable.partition.eof", "true"},
                                                     {"enable.auto.commit", "false"},
                                                     {"isolation.level", "read_committed"}});
  rd_kafka_poll_set_consumer(client);
  int open = PartitionCount(client, topic);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(open);
  for (int32_t i = 0; i < open; ++i) {
    rd_kafka_topic_partition_list_add(list, topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(client, list);
  rd_kafka_topic_partition_list_destroy(list);
  std::vector<TopicRecord> records;
  while (open > 0) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(client, kPatienceMillis);
    if (message == nullptr) Fail("no end of topic " + topic + " in 30 s");
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      --open;
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      records.push_back(RecordOf(*message));
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_consumer_close(client);
  rd_kafka_destroy(client);
  std::stable_sort(records.begin(), records.end(), [](const auto& a, const auto& b) {
    return std::pair(a.partition, a.offset) < std::pair(b.partition, b.offset);
  });
  return records;
}

void WriteTopic(const std::string& brokers, const std::string& topic,
                const std::vector<TopicRecord>& records) {
  rd_kafka_t* client = NewClient(RD_KAFKA_PRODUCER,
                                 {{"bootstrap.servers", brokers}, {"enable.idempotence", "true"}});
  for (const TopicRecord& record : records) {
    rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, value] : record.headers) {
      rd_kafka_header_add(headers, name.c_str(), -1, value.data(),
                          static_cast<ssize_t>(value.size()));
    }
    const void* key = record.key ? record.key->data() : nullptr;
    size_t key_size = record.key ? record.key->size() : 0;
    const void* value = record.value ? record.value->data() : nullptr;
    size_t value_size = record.value ? record.value->size() : 0;
    rd_kafka_resp_err_t error = rd_kafka_producev(
        client, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(record.partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_TIMESTAMP(record.timestamp_ms),
        RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_VALUE(const_cast<void*>(value), value_size),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) Fail(rd_kafka_err2str(error));
  }
  if (rd_kafka_flush(client, kPatienceMillis) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Fail("records to " + topic + " were not acknowledged");
  }
  rd_kafka_destroy(client);
}

}  // namespace forebay
