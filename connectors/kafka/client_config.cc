#include "connectors/kafka/client_config.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

using Properties = std::map<std::string, std::string>;

constexpr std::string_view kPositions = "forebay keeps the positions itself";
constexpr std::string_view kGuarantee = "exactly-once delivery rests on it";
constexpr std::string_view kNames = "forebay derives it from the project and the worker";
constexpr std::string_view kBrokers = "set `bootstrap.servers` instead";

constexpr auto kOwned = std::to_array<OwnedProperty>({
    {"acks", kGuarantee},
    {"allow.auto.create.topics", "a misspelt topic must not come into being"},
    {"auto.commit.enable", kPositions},
    {"auto.commit.interval.ms", kPositions},
    {"auto.offset.reset", "lost offsets must halt the task, never skip records"},
    {"bootstrap.servers", kBrokers},
    {"check.crcs", "every record is checked"},
    {"delivery.timeout.ms", "the sinks retry for as long as it takes"},
    {"enable.auto.commit", kPositions},
    {"enable.auto.offset.store", kPositions},
    {"enable.gapless.guarantee", kGuarantee},
    {"enable.idempotence", kGuarantee},
    {"enable.partition.eof", "--until-idle needs it"},
    {"group.id", kNames},
    {"group.instance.id", kNames},
    {"group.protocol.type", kNames},
    {"group.remote.assignor", "tasks of equal partitions must meet on one worker"},
    {"isolation.level", "aborted records must not reach a feature"},
    {"max.in.flight", kGuarantee},
    {"max.in.flight.requests.per.connection", kGuarantee},
    {"message.send.max.retries", kGuarantee},
    {"message.timeout.ms", "the sinks retry for as long as it takes"},
    {"metadata.broker.list", kBrokers},
    {"offset.store.method", kPositions},
    {"partition.assignment.strategy", "tasks of equal partitions must meet on one worker"},
    {"partitioner", "repartition topics need Kafka's own murmur2"},
    {"queuing.strategy", kGuarantee},
    {"request.required.acks", kGuarantee},
    {"retries", kGuarantee},
    {"test.mock.num.brokers", "use `--broker embedded` instead"},
    {"transactional.id", kNames},
});

spdlog::level::level_enum LogLevel(int syslog_level) {
  if (syslog_level <= LOG_CRIT) return spdlog::level::err;
  if (syslog_level <= LOG_WARNING) return spdlog::level::warn;
  if (syslog_level == LOG_NOTICE) return spdlog::level::info;
  return spdlog::level::debug;
}

// Lines that librdkafka repeats while a broker is away, once per client and connection. Whoever
// waits says so itself; one of these now and then adds why.
bool IsRepeated(std::string_view facility) {
  return facility == "FAIL" || facility == "ADDOFFSETS" || facility == "ADDPARTS" ||
         facility == "GETPID";
}

bool IsTimeForRepeated() {
  static std::atomic<int64_t> next = 0;
  int64_t now = absl::ToUnixSeconds(absl::Now());
  int64_t due = next.load();
  return now >= due && next.compare_exchange_strong(due, now + 10);
}

void OnLog(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  // Consumer properties given to a producer and the other way round: all clients get all of them.
  // And that the embedded broker does not know allow.auto.create.topics, which no caller relies on.
  if (std::strcmp(facility, "CONFWARN") == 0 || std::strcmp(facility, "AUTOCREATE") == 0) return;
  spdlog::level::level_enum log_level = LogLevel(level);
  if (IsRepeated(facility) && !IsTimeForRepeated()) log_level = spdlog::level::debug;
  spdlog::log(log_level, "kafka: {}: {}", facility, text);
}

void OnError(rd_kafka_t* client, int error, const char* reason, void* opaque) {
  // librdkafka has logged what it is about; without this callback it would log once more.
}

absl::Status Set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char error[512];
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof(error)) ==
      RD_KAFKA_CONF_OK) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("kafka property {}: {}. The names and values are those of librdkafka, see "
                  "https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md",
                  name, error));
}

absl::Status SetAll(rd_kafka_conf_t* conf, const Properties& properties) {
  for (const auto& [name, value] : properties) RETURN_IF_ERROR(Set(conf, name, value));
  return absl::OkStatus();
}

// What a user may change.
Properties Defaults(ClientRole role) {
  Properties settings = {{"client.id", "forebay"}, {"reconnect.backoff.max.ms", "2000"}};
  if (role == ClientRole::kProducer) {
    settings.merge(Properties{{"compression.type", "lz4"},
                              {"linger.ms", "5"},
                              {"message.max.bytes", "10485760"},
                              {"queue.buffering.max.messages", "500000"},
                              {"queue.buffering.max.kbytes", "262144"},
                              {"retry.backoff.ms", "20"}});
  }
  return settings;
}

Properties Owned(ClientRole role) {
  switch (role) {
    case ClientRole::kAdmin:
      return {{"allow.auto.create.topics", "false"}};
    case ClientRole::kConsumer:
      return {{"allow.auto.create.topics", "false"},
              {"auto.offset.reset", "error"},
              {"check.crcs", "true"},
              {"enable.auto.commit", "false"},
              {"enable.auto.offset.store", "false"},
              {"enable.partition.eof", "true"},
              {"isolation.level", "read_committed"},
              {"partition.assignment.strategy", "range"}};
    case ClientRole::kProducer:
      return {{"allow.auto.create.topics", "false"},
              {"enable.idempotence", "true"},
              {"partitioner", "murmur2_random"}};
  }
  return {};
}

}  // namespace

absl::Span<const OwnedProperty> OwnedProperties() { return kOwned; }

absl::Status CheckProperties(const Properties& properties) {
  ConfHandle conf(rd_kafka_conf_new());
  for (const auto& [name, value] : properties) {
    auto owned = std::find_if(kOwned.begin(), kOwned.end(),
                              [&](const OwnedProperty& p) { return p.name == name; });
    if (owned != kOwned.end()) {
      return absl::InvalidArgumentError(
          fmt::format("kafka property {} cannot be set: {}", name, owned->why));
    }
    RETURN_IF_ERROR(Set(conf.get(), name, value));
  }
  return absl::OkStatus();
}

void ConfDeleter::operator()(rd_kafka_conf_s* conf) const { rd_kafka_conf_destroy(conf); }

absl::StatusOr<ConfHandle> NewConf(const KafkaConfig& config, ClientRole role,
                                   const Properties& own) {
  RETURN_IF_ERROR(CheckProperties(config.properties));
  ConfHandle conf(rd_kafka_conf_new());
  RETURN_IF_ERROR(SetAll(conf.get(), Defaults(role)));
  RETURN_IF_ERROR(SetAll(conf.get(), config.properties));
  RETURN_IF_ERROR(Set(conf.get(), "bootstrap.servers", config.bootstrap_servers));
  RETURN_IF_ERROR(SetAll(conf.get(), Owned(role)));
  RETURN_IF_ERROR(SetAll(conf.get(), own));
  rd_kafka_conf_set_log_cb(conf.get(), OnLog);
  rd_kafka_conf_set_error_cb(conf.get(), OnError);
  return conf;
}

std::map<std::string, std::string> FetchAhead(int64_t records, int64_t partitions) {
  constexpr int64_t kKibibytes = 256 << 10;
  // A share is at most what is librdkafka's default, and at least enough to go on.
  auto share = [partitions](int64_t all, int64_t least, int64_t most) {
    return std::to_string(std::clamp(all / std::max<int64_t>(partitions, 1), least, most));
  };
  return {{"queued.min.messages", share(records, 1000, 100'000)},
          {"queued.max.messages.kbytes", share(kKibibytes, 1024, 65'536)}};
}

absl::StatusOr<ClientHandle> NewClient(ConfHandle conf, ClientRole role) {
  char error[512];
  rd_kafka_type_t type = role == ClientRole::kConsumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER;
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), error, sizeof(error));
  if (client == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("kafka settings do not go together: {}. Check `kafka` in forebay.yaml", error));
  }
  (void)conf.release();  // the client has it now
  return ClientHandle(client, [role](rd_kafka_t* c) {
    if (role == ClientRole::kProducer)
      rd_kafka_purge(c, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(c);
  });
}

}  // namespace forebay
