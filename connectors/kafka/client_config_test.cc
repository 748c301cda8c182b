#include "connectors/kafka/client_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <map>
#include <string>

namespace forebay {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Setting(const ConfHandle& conf, const char* name) {
  char value[256];
  size_t size = sizeof(value);
  return rd_kafka_conf_get(conf.get(), name, value, &size) == RD_KAFKA_CONF_OK ? value : "unknown";
}

TEST(CheckPropertiesTest, TakesSecurityAndTuning) {
  EXPECT_EQ(CheckProperties({{"security.protocol", "sasl_ssl"},
                             {"sasl.mechanisms", "SCRAM-SHA-512"},
                             {"sasl.username", "u"},
                             {"sasl.password", "p"},
                             {"linger.ms", "50"},
                             {"fetch.min.bytes", "1000"}}),
            absl::OkStatus());
}

TEST(FetchAheadTest, IsSharedByThePartitions) {
  using Settings = std::map<std::string, std::string>;
  auto ahead = [](const char* messages, const char* kibibytes) {
    return Settings{{"queued.min.messages", messages}, {"queued.max.messages.kbytes", kibibytes}};
  };
  EXPECT_EQ(FetchAhead(400'000, 4), ahead("100000", "65536"));
  EXPECT_EQ(FetchAhead(400'000, 1), ahead("100000", "65536"));
  EXPECT_EQ(FetchAhead(150'000, 4), ahead("37500", "65536"));
  EXPECT_EQ(FetchAhead(400'000, 16), ahead("25000", "16384"));
  EXPECT_EQ(FetchAhead(400'000, 1000), ahead("1000", "1024"));
  EXPECT_EQ(FetchAhead(400'000, 0), ahead("100000", "65536"));
}

TEST(FetchAheadTest, CanBeSetByTheUser) {
  KafkaConfig config{.bootstrap_servers = "127.0.0.1:1",
                     .properties = {{"queued.min.messages", "7"}}};
  config.properties.merge(FetchAhead(400'000, 16));
  auto conf = NewConf(config, ClientRole::kConsumer, {{"group.id", "g"}});
  ASSERT_TRUE(conf.ok()) << conf.status();
  EXPECT_EQ(Setting(*conf, "queued.min.messages"), "7");
  EXPECT_EQ(Setting(*conf, "queued.max.messages.kbytes"), "16384");
}

TEST(CheckPropertiesTest, RefusesWhatLibrdkafkaDoesNotKnow) {
  EXPECT_THAT(CheckProperties({{"linger.msec", "5"}}).ToString(),
              HasSubstr("No such configuration property: \"linger.msec\""));
  EXPECT_THAT(CheckProperties({{"linger.ms", "soon"}}).ToString(), HasSubstr("linger.ms"));
}

TEST(CheckPropertiesTest, RefusesWhatNoClientCanBeMadeOf) {
  EXPECT_THAT(
      CheckProperties({{"security.protocol", "ssl"}, {"ssl.ca.location", "/none.pem"}}).ToString(),
      HasSubstr("ssl.ca.location"));
  EXPECT_THAT(
      CheckProperties({{"security.protocol", "sasl_ssl"}, {"sasl.username", "u"}}).ToString(),
      HasSubstr("SCRAM-SHA-512"));
}

TEST(CheckPropertiesTest, NeverShowsAValue) {
  for (const char* name : {"sasl.mechanisms", "linger.ms", "ssl.key.pem", "ssl.ca.pem",
                           "ssl.certificate.pem", "compression.type", "debug"}) {
    absl::Status status = CheckProperties({{"security.protocol", "ssl"}, {name, "hunter2"}});
    EXPECT_THAT(status.ToString(), Not(HasSubstr("hunter2"))) << name;
  }
}

TEST(NewConfTest, LayersDefaultsThenUserThenEngine) {
  KafkaConfig config{.bootstrap_servers = "127.0.0.1:1", .properties = {{"linger.ms", "70"}}};
  auto conf = NewConf(config, ClientRole::kProducer, {{"transactional.id", "t"}});
  ASSERT_TRUE(conf.ok()) << conf.status();
  EXPECT_EQ(Setting(*conf, "linger.ms"), "70");
  EXPECT_EQ(Setting(*conf, "compression.codec"), "lz4");
  EXPECT_EQ(Setting(*conf, "enable.idempotence"), "true");
  EXPECT_EQ(Setting(*conf, "transactional.id"), "t");
  EXPECT_EQ(Setting(*conf, "bootstrap.servers"), "127.0.0.1:1");
}

TEST(NewConfTest, ConsumerNeverGuessesAnOffset) {
  auto conf = NewConf({.bootstrap_servers = "127.0.0.1:1"}, ClientRole::kConsumer, {});
  ASSERT_TRUE(conf.ok()) << conf.status();
  EXPECT_EQ(Setting(*conf, "auto.offset.reset"), "error");
  EXPECT_EQ(Setting(*conf, "enable.auto.commit"), "false");
  EXPECT_EQ(Setting(*conf, "enable.auto.offset.store"), "false");
  EXPECT_EQ(Setting(*conf, "check.crcs"), "true");
  EXPECT_EQ(Setting(*conf, "isolation.level"), "read_committed");
  EXPECT_EQ(Setting(*conf, "group.protocol"), "classic");
  EXPECT_EQ(Setting(*conf, "partition.assignment.strategy"), "range");
  EXPECT_EQ(Setting(*conf, "allow.auto.create.topics"), "false");
}

TEST(NewClientTest, SettingsThatContradictAreAnErrorThatSaysSo) {
  auto conf =
      NewConf({.bootstrap_servers = "127.0.0.1:1",
               .properties = {{"session.timeout.ms", "9000"}, {"max.poll.interval.ms", "8000"}}},
              ClientRole::kConsumer, {{"group.id", "g"}});
  ASSERT_TRUE(conf.ok()) << conf.status();
  auto client = NewClient(*std::move(conf), ClientRole::kConsumer);
  EXPECT_TRUE(absl::IsInvalidArgument(client.status()));
  EXPECT_THAT(client.status().ToString(), HasSubstr("max.poll.interval.ms"));
}

}  // namespace
}  // namespace forebay
