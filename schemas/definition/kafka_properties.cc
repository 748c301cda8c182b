#include "schemas/definition/kafka_properties.h"

#include <algorithm>
#include <array>

namespace forebay::definition {
namespace {

constexpr std::string_view kPositions =
    "forebay keeps its own positions and commits them together with what they cover";
constexpr std::string_view kTransactions =
    "the sinks set it, so that each record is written as `delivery` promises";
constexpr std::string_view kRetries =
    "the sinks send again for as long as it takes: a record is never given up";
constexpr std::string_view kAssignment =
    "tasks of partitions that belong together must meet on one worker";
constexpr std::string_view kCallbacks = "it is a hook for code, and the worker installs its own";
constexpr std::string_view kPartitions = "forebay chooses the partition of every record it writes";

constexpr std::array kOwned = {
    OwnedProperty{"metadata.broker.list", "set `bootstrap.servers` instead"},
    OwnedProperty{"group.id", "set `group` at the top level instead"},
    OwnedProperty{"group.instance.id", "it is made of `group` and `worker_id`: set those instead"},
    OwnedProperty{"group.protocol", kAssignment},
    OwnedProperty{"group.protocol.type", kAssignment},
    OwnedProperty{"partition.assignment.strategy", kAssignment},
    OwnedProperty{"group.remote.assignor", kAssignment},
    OwnedProperty{"allow.auto.create.topics",
                  "forebay creates its own topics; a misspelt one must not come into being"},
    OwnedProperty{"enable.auto.commit", kPositions},
    OwnedProperty{"auto.commit.enable", kPositions},
    OwnedProperty{"auto.commit.interval.ms", "set `commit_interval` at the top level instead"},
    OwnedProperty{"enable.auto.offset.store", kPositions},
    OwnedProperty{"offset.store.method", kPositions},
    OwnedProperty{"offset.store.path", kPositions},
    OwnedProperty{"offset.store.sync.interval.ms", kPositions},
    OwnedProperty{"auto.offset.reset",
                  "a task starts at the beginning of its partition, and stops where offsets are "
                  "lost rather than skip events"},
    OwnedProperty{"isolation.level",
                  "sources are read committed, repartition topics uncommitted: the engine knows "
                  "which is which"},
    OwnedProperty{"check.crcs", "it is always on: no record goes unchecked"},
    OwnedProperty{"enable.partition.eof", "the worker uses it to know when it has caught up"},
    OwnedProperty{"enable.idempotence", kTransactions},
    OwnedProperty{"enable.gapless.guarantee", kTransactions},
    OwnedProperty{"transactional.id", kTransactions},
    OwnedProperty{"acks", kTransactions},
    OwnedProperty{"request.required.acks", kTransactions},
    OwnedProperty{"max.in.flight", kTransactions},
    OwnedProperty{"max.in.flight.requests.per.connection", kTransactions},
    OwnedProperty{"queuing.strategy", kTransactions},
    OwnedProperty{"retries", kRetries},
    OwnedProperty{"message.send.max.retries", kRetries},
    OwnedProperty{"message.timeout.ms", kRetries},
    OwnedProperty{"delivery.timeout.ms", kRetries},
    OwnedProperty{"partitioner", kPartitions},
    OwnedProperty{"partitioner_cb", kPartitions},
    OwnedProperty{"msg_order_cmp", kPartitions},
    OwnedProperty{"delivery.report.only.error",
                  "a commit waits for the report of every record that it covers"},
    OwnedProperty{"dr_cb", kCallbacks},
    OwnedProperty{"dr_msg_cb", kCallbacks},
    OwnedProperty{"error_cb", kCallbacks},
    OwnedProperty{"throttle_cb", kCallbacks},
    OwnedProperty{"stats_cb", kCallbacks},
    OwnedProperty{"log_cb", kCallbacks},
    OwnedProperty{"log.queue", kCallbacks},
    OwnedProperty{"rebalance_cb", kCallbacks},
    OwnedProperty{"offset_commit_cb", kCallbacks},
    OwnedProperty{"consume_cb", kCallbacks},
    OwnedProperty{"background_event_cb", kCallbacks},
    OwnedProperty{"socket_cb", kCallbacks},
    OwnedProperty{"connect_cb", kCallbacks},
    OwnedProperty{"closesocket_cb", kCallbacks},
    OwnedProperty{"open_cb", kCallbacks},
    OwnedProperty{"resolve_cb", kCallbacks},
    OwnedProperty{"oauthbearer_token_refresh_cb", kCallbacks},
    OwnedProperty{"ssl.certificate.verify_cb", kCallbacks},
    OwnedProperty{"enabled_events", kCallbacks},
    OwnedProperty{"interceptors", kCallbacks},
    OwnedProperty{"opaque", kCallbacks},
    OwnedProperty{"default_topic_conf", kCallbacks},
    OwnedProperty{"plugin.library.paths", "no code from outside is loaded into a worker"},
    OwnedProperty{"test.mock.num.brokers", "use `forebay run --broker embedded` instead"},
};

}  // namespace

std::span<const OwnedProperty> OwnedKafkaProperties() { return kOwned; }

const OwnedProperty* FindOwnedKafkaProperty(std::string_view name) {
  for (const OwnedProperty& property : kOwned) {
    if (property.name == name) return &property;
  }
  return nullptr;
}

bool IsKafkaFile(std::string_view name, std::string_view value) {
  static constexpr std::string_view kFiles[] = {"ssl.ca.location", "ssl.certificate.location",
                                                "ssl.crl.location", "ssl.key.location",
                                                "ssl.keystore.location"};
  bool word = value.empty() || value == "probe";  // librdkafka's
  return !word && std::find(std::begin(kFiles), std::end(kFiles), name) != std::end(kFiles);
}

}  // namespace forebay::definition
