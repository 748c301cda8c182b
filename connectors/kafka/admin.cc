#include "connectors/kafka/admin.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "connectors/kafka/admin_request.h"
#include "connectors/kafka/kafka_error.h"
#include "connectors/kafka/retry_log.h"
#include "connectors/kafka/topic_request.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

using MetadataHandle =
    std::unique_ptr<const rd_kafka_metadata_t, decltype(&rd_kafka_metadata_destroy)>;
using NewTopicHandle = std::unique_ptr<rd_kafka_NewTopic_t, decltype(&rd_kafka_NewTopic_destroy)>;
using DeleteTopicHandle =
    std::unique_ptr<rd_kafka_DeleteTopic_t, decltype(&rd_kafka_DeleteTopic_destroy)>;

using ConfigResourceHandle =
    std::unique_ptr<rd_kafka_ConfigResource_t, decltype(&rd_kafka_ConfigResource_destroy)>;

// None: the broker does not tell this client.
std::optional<int64_t> MaxMessageBytesOf(const rd_kafka_ConfigResource_t& topic) {
  size_t count = 0;
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(&topic, &count);
  for (size_t i = 0; i < count; ++i) {
    if (std::string_view(rd_kafka_ConfigEntry_name(entries[i])) != "max.message.bytes") continue;
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    int64_t bytes = 0;
    if (value != nullptr && absl::SimpleAtoi(value, &bytes)) return bytes;
  }
  return std::nullopt;
}

// Of all topics: asking for one by name would create it on brokers that do so by default, where the
// client cannot forbid that (before 0.11, and the embedded one).
absl::StatusOr<MetadataHandle> Metadata(rd_kafka_t* client, int timeout_ms,
                                        std::string_view context) {
  const rd_kafka_metadata_t* metadata = nullptr;
  rd_kafka_resp_err_t error = rd_kafka_metadata(client, 1, nullptr, &metadata, timeout_ms);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return KafkaStatus(error, context);
  return MetadataHandle(metadata, &rd_kafka_metadata_destroy);
}

// One question. UNAVAILABLE also while a partition has no leader yet.
absl::StatusOr<int32_t> AskPartitionCount(rd_kafka_t* client, const std::string& name) {
  ASSIGN_OR_RETURN(MetadataHandle metadata, Metadata(client, 2000, "asking for topic " + name));
  const rd_kafka_metadata_topic* topics = metadata->topics;
  const rd_kafka_metadata_topic* end = topics + metadata->topic_cnt;
  const rd_kafka_metadata_topic* topic =
      std::find_if(topics, end, [&](const rd_kafka_metadata_topic& t) { return name == t.topic; });
  if (topic == end) return absl::NotFoundError("topic " + name + " does not exist");
  RETURN_IF_ERROR(KafkaStatus(topic->err, "topic " + name));
  for (int i = 0; i < topic->partition_cnt; ++i) {
    if (topic->partitions[i].leader < 0) {
      return absl::UnavailableError(
          fmt::format("topic {}: partition {} has no leader", name, topic->partitions[i].id));
    }
  }
  return topic->partition_cnt;
}

// Of the one topic that was asked for.
absl::Status TopicResult(const rd_kafka_topic_result_t** results, size_t count,
                         const std::string& context) {
  if (count != 1) return absl::InternalError(context + ": the broker answered for no topic");
  const char* detail = rd_kafka_topic_result_error_string(results[0]);
  return KafkaStatus(rd_kafka_topic_result_error(results[0]), context, detail ? detail : "");
}

absl::Status CountMismatch(const TopicSpec& spec, int32_t found) {
  return absl::FailedPreconditionError(fmt::format(
      "topic {} has {} partitions, expected {}: somebody else created or altered it. Remove what "
      "the project left with `forebay reset --all` (or rename the project) and start again; "
      "forebay creates it",
      spec.name, found, spec.partitions));
}

}  // namespace

absl::StatusOr<std::unique_ptr<KafkaAdmin>> KafkaAdmin::Create(const KafkaConfig& config) {
  std::unique_ptr<KafkaAdmin> admin(new KafkaAdmin(config.bootstrap_servers));
  ASSIGN_OR_RETURN(ConfHandle conf, NewConf(config, ClientRole::kAdmin, {}));
  rd_kafka_conf_set_opaque(conf.get(), admin.get());
  rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t*, int code, const char* reason, void* self) {
    static_cast<KafkaAdmin*>(self)->fault_.Note(code, reason, absl::Now());
  });
  ASSIGN_OR_RETURN(admin->client_, NewClient(std::move(conf), ClientRole::kAdmin));
  return admin;
}

absl::Status KafkaAdmin::WaitForBroker(absl::Duration limit, const std::atomic<bool>* cancel) {
  absl::Time deadline = absl::Now() + limit;
  RetryLog log;
  while (true) {
    auto metadata = Metadata(client_.get(), 500, "asking for brokers");
    if (metadata.ok() && (*metadata)->broker_cnt > 0) {
      log.Done("broker {} answers", bootstrap_servers_);
      return absl::OkStatus();
    }
    rd_kafka_poll(client_.get(), 0);
    RETURN_IF_ERROR(fault_.Refusal(bootstrap_servers_, absl::Now()));
    if (cancel != nullptr && cancel->load()) {
      return absl::CancelledError("stopped while waiting for broker " + bootstrap_servers_);
    }
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(
          fmt::format("broker {} not reachable after {}{}: is it running, and is "
                      "`bootstrap.servers` in forebay.yaml its address?",
                      bootstrap_servers_, absl::FormatDuration(limit), fault_.Reason()));
    }
    log.Say("broker {} not reachable{}, retrying", bootstrap_servers_, fault_.Reason());
  }
}

absl::StatusOr<int32_t> KafkaAdmin::PartitionCount(const std::string& topic) {
  absl::Time deadline = absl::Now() + kAdminPatience;
  while (true) {
    absl::StatusOr<int32_t> count = AskPartitionCount(client_.get(), topic);
    if (absl::IsNotFound(count.status())) {
      return absl::NotFoundError(
          fmt::format("topic {} does not exist on {}. Create it: kafka-topics.sh "
                      "--bootstrap-server {} --create "
                      "--topic {} --partitions 4",
                      topic, bootstrap_servers_, bootstrap_servers_, topic));
    }
    if (!absl::IsUnavailable(count.status()) || absl::Now() >= deadline) return count;
    absl::SleepFor(absl::Milliseconds(50));
  }
}

absl::Status KafkaAdmin::CreateTopic(const TopicSpec& spec) {
  absl::StatusOr<int32_t> existing = PartitionCount(spec.name);
  if (!existing.ok() && !absl::IsNotFound(existing.status())) return existing.status();
  if (!existing.ok()) {
    absl::Status created = RequestCreation(spec, true);
    if (absl::IsFailedPrecondition(created) && !spec.optional_config.empty()) {
      created = RequestCreation(spec, false);
    }
    if (created.ok()) {
      spdlog::info("created topic {} with {} partitions", spec.name, spec.partitions);
    } else if (!absl::IsAlreadyExists(created)) {
      return created;
    }
  }
  return WaitForTopic(spec);
}

absl::Status KafkaAdmin::RequestCreation(const TopicSpec& spec, bool with_optional_config) {
  std::string context = "creating topic " + spec.name;
  char error[512];
  NewTopicHandle topic(rd_kafka_NewTopic_new(spec.name.c_str(), spec.partitions, spec.replication,
                                             error, sizeof(error)),
                       &rd_kafka_NewTopic_destroy);
  if (topic == nullptr) return absl::InvalidArgumentError(fmt::format("{}: {}", context, error));
  for (const auto& [name, value] : spec.config) {
    rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
  }
  if (with_optional_config) {
    for (const auto& [name, value] : spec.optional_config) {
      rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
    }
  }
  ASSIGN_OR_RETURN(EventHandle event, AskCluster(client_.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS,
                                                 context, [&](auto* options, auto* answer) {
                                                   rd_kafka_NewTopic_t* topics[] = {topic.get()};
                                                   rd_kafka_CreateTopics(client_.get(), topics, 1,
                                                                         options, answer);
                                                 }));
  size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  return TopicResult(results, count, context);
}

absl::Status KafkaAdmin::WaitForTopic(const TopicSpec& spec) {
  absl::Time deadline = absl::Now() + kAdminPatience;
  while (true) {
    absl::StatusOr<int32_t> count = AskPartitionCount(client_.get(), spec.name);
    if (count.ok() && (spec.any_partition_count || *count == spec.partitions)) {
      return absl::OkStatus();
    }
    if (count.ok()) return CountMismatch(spec, *count);
    bool settling = absl::IsUnavailable(count.status()) || absl::IsNotFound(count.status());
    if (!settling || absl::Now() >= deadline) return count.status();
    absl::SleepFor(absl::Milliseconds(20));
  }
}

absl::StatusOr<std::map<std::string, TopicIdentity>> KafkaAdmin::Describe(
    const std::vector<std::string>& topics) {
  if (topics.empty()) return std::map<std::string, TopicIdentity>();
  ASSIGN_OR_RETURN(EventHandle event,
                   AskCluster(client_.get(), RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, "asking for topics",
                              [&](auto* options, auto* answer) {
                                RequestTopics(client_.get(), topics, options, answer);
                              }));
  return TopicsOf(event.get());
}

absl::StatusOr<std::map<std::string, int64_t>> KafkaAdmin::MaxMessageBytes(
    const std::vector<std::string>& topics) {
  std::vector<ConfigResourceHandle> resources;
  std::vector<rd_kafka_ConfigResource_t*> asked;
  for (const std::string& topic : topics) {
    resources.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()),
                           &rd_kafka_ConfigResource_destroy);
    asked.push_back(resources.back().get());
  }
  ASSIGN_OR_RETURN(EventHandle event,
                   AskCluster(client_.get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
                              "asking for max.message.bytes", [&](auto* options, auto* answer) {
                                rd_kafka_DescribeConfigs(client_.get(), asked.data(), asked.size(),
                                                         options, answer);
                              }));
  size_t count = 0;
  const rd_kafka_ConfigResource_t** described = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  std::map<std::string, int64_t> bytes;
  for (size_t i = 0; i < count; ++i) {
    if (std::optional<int64_t> found = MaxMessageBytesOf(*described[i]))
      bytes[rd_kafka_ConfigResource_name(described[i])] = *found;
  }
  return bytes;
}

absl::StatusOr<std::set<std::string>> KafkaAdmin::Topics() {
  ASSIGN_OR_RETURN(
      MetadataHandle metadata,
      Metadata(client_.get(), static_cast<int>(absl::ToInt64Milliseconds(kAdminPatience)),
               "asking for topics"));
  std::set<std::string> names;
  for (int i = 0; i < metadata->topic_cnt; ++i) names.insert(metadata->topics[i].topic);
  return names;
}

absl::Status KafkaAdmin::DeleteTopic(const std::string& topic) {
  absl::Status deleted = RequestDeletion(topic);
  if (!deleted.ok() && !absl::IsNotFound(deleted)) return deleted;
  return WaitUntilGone(topic);
}

absl::Status KafkaAdmin::RequestDeletion(const std::string& topic) {
  std::string context = "deleting topic " + topic;
  DeleteTopicHandle deletion(rd_kafka_DeleteTopic_new(topic.c_str()),
                             &rd_kafka_DeleteTopic_destroy);
  ASSIGN_OR_RETURN(EventHandle event,
                   AskCluster(client_.get(), RD_KAFKA_ADMIN_OP_DELETETOPICS, context,
                              [&](auto* options, auto* answer) {
                                rd_kafka_DeleteTopic_t* topics[] = {deletion.get()};
                                rd_kafka_DeleteTopics(client_.get(), topics, 1, options, answer);
                              }));
  size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
  return TopicResult(results, count, context);
}

absl::Status KafkaAdmin::WaitUntilGone(const std::string& topic) {
  absl::Time deadline = absl::Now() + kAdminPatience;
  while (true) {
    absl::StatusOr<int32_t> count = AskPartitionCount(client_.get(), topic);
    if (absl::IsNotFound(count.status())) return absl::OkStatus();
    if (!count.ok() && !absl::IsUnavailable(count.status())) return count.status();
    if (absl::Now() >= deadline) {
      return absl::UnavailableError(
          fmt::format("topic {} was deleted and is still there after {}: do this again", topic,
                      absl::FormatDuration(kAdminPatience)));
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
}

}  // namespace forebay
