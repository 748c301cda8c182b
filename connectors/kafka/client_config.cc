#include "connectors/kafka/client_config.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

using Properties = std::map<std::string, std::string>;

constexpr int64_t kMessageMaxBytes = 10 << 20;

spdlog::level::level_enum LogLevel(int syslog_level) {
  if (syslog_level <= LOG_CRIT) return spdlog::level::err;
  if (syslog_level <= LOG_WARNING) return spdlog::level::warn;
  if (syslog_level == LOG_NOTICE) return spdlog::level::info;
  return spdlog::level::debug;
}

// Lines that librdkafka repeats while a broker is away, once per client and connection. Whoever
// waits says so itself; one of these now and then adds why.
bool IsRepeated(std::string_view facility) {
  return facility == "FAIL" || facility == "REQTMOUT" || facility == "ADDOFFSETS" ||
         facility == "ADDPARTS" || facility == "GETPID";
}

// A broker that hangs up at a client's first question speaks TLS and the client does not, as a
// rule.
bool IsOtherProtocol(std::string_view facility, std::string_view text) {
  return facility == "FAIL" && text.find("isconnected") != std::string_view::npos &&
         text.find("in state APIVERSION_QUERY") != std::string_view::npos;
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
  if (IsOtherProtocol(facility, text)) {
    if (IsTimeForRepeated()) {
      spdlog::warn(
          "kafka: {}: is this the port of another protocol? See `security.protocol` under "
          "`kafka` in forebay.yaml",
          text);
    }
    return;
  }
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
  // The value may be a secret that went to a wrong name.
  std::string text = absl::StrReplaceAll(error, {{fmt::format("\"{}\"", value), "\"...\""}});
  return absl::InvalidArgumentError(
      fmt::format("kafka property {}: {}. The names and values are those of librdkafka, see "
                  "https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md",
                  name, text));
}

// What rd_kafka_new says, with what to do where it does not say that.
std::string Explain(std::string_view error) {
  if (error.find("No provider for SASL mechanism GSSAPI") != std::string_view::npos) {
    return "sasl.mechanisms is GSSAPI (Kerberos) unless it is set, which forebay is built without: "
           "set it to PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512";
  }
  return std::string(error);
}

absl::Status SetAll(rd_kafka_conf_t* conf, const Properties& properties) {
  for (const auto& [name, value] : properties) RETURN_IF_ERROR(Set(conf, name, value));
  return absl::OkStatus();
}

// What a user may change.
Properties Defaults(ClientRole role) {
  Properties settings = {{"client.id", "forebay"}, {"reconnect.backoff.max.ms", "2000"}};
  if (role == ClientRole::kConsumer) {
    // Of a partition that has what it may fetch ahead; a task may be through with that in less than
    // librdkafka's second.
    settings["fetch.queue.backoff.ms"] = "20";
  }
  if (role == ClientRole::kProducer) {
    settings.merge(Properties{{"compression.type", "lz4"},
                              {"linger.ms", "5"},
                              {"message.max.bytes", std::to_string(kMessageMaxBytes)},
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
              {"group.protocol", "classic"},
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

int64_t MessageMaxBytes(const KafkaConfig& config) {
  auto given = config.properties.find("message.max.bytes");
  int64_t bytes = kMessageMaxBytes;
  if (given != config.properties.end() && !absl::SimpleAtoi(given->second, &bytes))
    return kMessageMaxBytes;  // librdkafka says what is wrong with it
  return bytes;
}

void ConfDeleter::operator()(rd_kafka_conf_s* conf) const { rd_kafka_conf_destroy(conf); }

absl::StatusOr<ConfHandle> NewConf(const KafkaConfig& config, ClientRole role,
                                   const Properties& own) {
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
        fmt::format("no Kafka client can be made of `kafka` in forebay.yaml: {}", Explain(error)));
  }
  (void)conf.release();  // the client has it now
  return ClientHandle(client, [role](rd_kafka_t* c) {
    if (role == ClientRole::kProducer)
      rd_kafka_purge(c, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(c);
  });
}

absl::Status CheckProperties(const Properties& properties) {
  for (ClientRole role : {ClientRole::kConsumer, ClientRole::kProducer}) {
    Properties own = {{"group.id", "check"}};
    ASSIGN_OR_RETURN(ConfHandle conf, NewConf({.properties = properties}, role, own));
    RETURN_IF_ERROR(NewClient(std::move(conf), role).status());
  }
  return absl::OkStatus();
}

}  // namespace forebay
