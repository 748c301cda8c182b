#include "schemas/definition/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>

#include "fmt/format.h"
#include "schemas/definition/config_reader.h"
#include "schemas/definition/kafka_properties.h"
#include "schemas/definition/project_folder_for_test.h"

namespace forebay {
namespace {

using testing::ElementsAre;
using testing::Pair;

class Config : public testing::Test {
 protected:
  ProjectConfig Load(const std::string& text) {
    folder_.Write("forebay.yaml", text);
    absl::StatusOr<LoadedProject> loaded = folder_.Load();
    if (!loaded.ok()) {
      ADD_FAILURE() << loaded.status().message();
      return {};
    }
    return loaded->config;
  }

  std::string Errors(const std::string& text) {
    folder_.Write("forebay.yaml", text);
    return folder_.Errors();
  }

  ProjectFolder folder_;
};

TEST_F(Config, DefaultsAreThose) {
  ProjectConfig config = Load("project: fraud-eu\n");
  EXPECT_EQ(config.project, "fraud-eu");
  EXPECT_EQ(config.group, "forebay-fraud-eu");
  EXPECT_TRUE(config.kafka.empty());
  EXPECT_EQ(config.state, folder_.path() / "state");
  EXPECT_EQ(config.warehouse, StoreUri::Folder(folder_.path() / "warehouse"));
  EXPECT_EQ(config.cold, std::nullopt);
  EXPECT_EQ(config.openlineage_file, "");
  EXPECT_EQ(config.openlineage_url, "");
  EXPECT_EQ(config.openlineage_every_us, 300'000'000);
  EXPECT_EQ(config.s3.endpoint, "");
  EXPECT_EQ(config.s3.region, "");
  EXPECT_EQ(config.s3.addressing_style, S3AddressingStyle::kAuto);
  EXPECT_EQ(config.s3.ca_file, "");
  EXPECT_EQ(config.s3.request_timeout_us, 30'000'000);
  EXPECT_EQ(config.s3.retry_for_us, 20'000'000);
  EXPECT_EQ(config.worker_id, "0");
  EXPECT_EQ(config.catalog_interval_us, 1'000'000);
  EXPECT_EQ(config.task_threads, 2);
  EXPECT_EQ(config.commit_interval_us, 200'000);
  EXPECT_EQ(config.state_interval_us, 10'000'000);
  EXPECT_EQ(config.commit_bytes, 16'000'000);
  EXPECT_EQ(config.flush_interval_us, 60'000'000);
  EXPECT_EQ(config.stop_timeout_us, 20'000'000);
  EXPECT_EQ(config.flush_bytes, 64'000'000);
  EXPECT_EQ(config.hot_map_bytes, 1'000'000'000);
  EXPECT_EQ(config.block_cache_bytes, 256'000'000);
  EXPECT_EQ(config.delivery, Delivery::kExactlyOnce);
  EXPECT_EQ(config.ready_lag, 0);
  EXPECT_EQ(config.replication_factor, -1);
  EXPECT_EQ(config.serving_address, "127.0.0.1");
  EXPECT_EQ(config.serving_http_port, 8080);
  EXPECT_EQ(config.serving_grpc_port, 8081);
}

TEST_F(Config, EveryEntryCanBeSet) {
  ProjectConfig config = Load(R"(
project: p
group: readers.of-p
kafka: {bootstrap.servers: 'a:9092,b:9092', linger.ms: 5, enable.ssl.certificate.verification: true}
state: /data/state
warehouse: file:///data/warehouse
worker_id: worker-7
catalog_interval: 5s
task_threads: 8
commit_interval: 1s
state_interval: 1m
commit_bytes: 1MiB
flush_interval: 10ms
stop_timeout: 1s
flush_bytes: 2000
hot_map_bytes: 0
block_cache_bytes: 1GB
delivery: at_least_once
ready_lag: 10000
replication_factor: 3
offline: {parquet_encoding: compact, cold: 's3a://ice/w/'}
openlineage:
  file: told.jsonl
  url: https://marquez:5000/lineage
  api_key_file: /keys/lineage
  every: 1s
  namespace: fraud
  kafka_namespace: kafka://brokers
s3:
  endpoint: http://localhost:9000
  region: eu-west-1
  addressing_style: virtual
  ca_file: keys/ca.pem
  request_timeout: 5s
  retry_for: 1ms
serving: {address: '::', http_port: 0, grpc_port: 65535}
)");
  EXPECT_EQ(config.group, "readers.of-p");
  EXPECT_THAT(config.kafka, ElementsAre(Pair("bootstrap.servers", "a:9092,b:9092"),
                                        Pair("enable.ssl.certificate.verification", "true"),
                                        Pair("linger.ms", "5")));
  EXPECT_EQ(config.state, "/data/state");
  EXPECT_EQ(config.warehouse, StoreUri::Folder("/data/warehouse"));
  EXPECT_EQ(config.worker_id, "worker-7");
  EXPECT_EQ(config.catalog_interval_us, 5'000'000);
  EXPECT_EQ(config.task_threads, 8);
  EXPECT_EQ(config.commit_interval_us, 1'000'000);
  EXPECT_EQ(config.state_interval_us, 60'000'000);
  EXPECT_EQ(config.commit_bytes, 1'048'576);
  EXPECT_EQ(config.flush_interval_us, 10'000);
  EXPECT_EQ(config.stop_timeout_us, 1'000'000);
  EXPECT_EQ(config.flush_bytes, 2'000);
  EXPECT_EQ(config.hot_map_bytes, 0);
  EXPECT_EQ(config.block_cache_bytes, 1'000'000'000);
  EXPECT_EQ(config.delivery, Delivery::kAtLeastOnce);
  EXPECT_EQ(config.ready_lag, 10'000);
  EXPECT_EQ(config.replication_factor, 3);
  EXPECT_EQ(config.parquet_encoding, ParquetEncoding::kCompact);
  EXPECT_EQ(config.cold->ToString(), "s3://ice/w");
  EXPECT_EQ(config.openlineage_file, folder_.path() / "told.jsonl");
  EXPECT_EQ(config.openlineage_url, "https://marquez:5000/lineage");
  EXPECT_EQ(config.openlineage_api_key_file, "/keys/lineage");
  EXPECT_EQ(config.openlineage_every_us, 1'000'000);
  EXPECT_EQ(config.openlineage_namespace, "fraud");
  EXPECT_EQ(config.openlineage_kafka_namespace, "kafka://brokers");
  EXPECT_EQ(config.s3.endpoint, "http://localhost:9000");
  EXPECT_EQ(config.s3.region, "eu-west-1");
  EXPECT_EQ(config.s3.addressing_style, S3AddressingStyle::kVirtual);
  EXPECT_EQ(config.s3.ca_file, folder_.path() / "keys/ca.pem");
  EXPECT_EQ(config.s3.request_timeout_us, 5'000'000);
  EXPECT_EQ(config.s3.retry_for_us, 1'000);
  EXPECT_EQ(config.serving_address, "::");
  EXPECT_EQ(config.serving_http_port, 0);
  EXPECT_EQ(config.serving_grpc_port, 65535);
}

TEST_F(Config, RelativeFoldersAreBelowTheProjectFolder) {
  ProjectConfig config = Load("project: p\nstate: ../shared/state\nwarehouse: tables\n");
  EXPECT_EQ(config.state, folder_.path().parent_path() / "shared/state");
  EXPECT_EQ(config.warehouse, StoreUri::Folder(folder_.path() / "tables"));
}

TEST_F(Config, ValuesTakeVariablesFromTheEnvironment) {
  setenv("FOREBAY_TEST_SECRET", "se${cret", 1);
  setenv("FOREBAY_TEST_THREADS", "3", 1);
  ProjectConfig config = Load(
      "project: p\n"
      "task_threads: ${FOREBAY_TEST_THREADS}\n"
      "kafka: {sasl.password: 'x${FOREBAY_TEST_SECRET}y', a: '$${NOT}', b: 'cost $5'}\n");
  EXPECT_EQ(config.task_threads, 3);
  EXPECT_THAT(config.kafka, ElementsAre(Pair("a", "${NOT}"), Pair("b", "cost $5"),
                                        Pair("sasl.password", "xse${crety")));
}

TEST_F(Config, CertificatesAreLookedForFromTheProjectFolder) {
  ProjectConfig config = Load(
      "project: p\n"
      "kafka: {ssl.ca.location: keys/ca.pem, ssl.certificate.location: /c.pem,\n"
      "        ssl.key.location: ../c.key, sasl.kerberos.keytab: k}\n");
  EXPECT_THAT(config.kafka,
              ElementsAre(Pair("sasl.kerberos.keytab", "k"),
                          Pair("ssl.ca.location", folder_.path() / "keys/ca.pem"),
                          Pair("ssl.certificate.location", "/c.pem"),
                          Pair("ssl.key.location", folder_.path().parent_path() / "c.key")));
  EXPECT_THAT(Load("project: p\nkafka: {ssl.ca.location: probe}\n").kafka,
              ElementsAre(Pair("ssl.ca.location", "probe")));
}

TEST_F(Config, AVariableThatIsNotSetIsAnErrorAtItsPlace) {
  unsetenv("FOREBAY_TEST_UNSET");
  EXPECT_EQ(Errors("project: p\nkafka:\n  sasl.password: \"a ${FOREBAY_TEST_UNSET}\"\n"),
            "forebay.yaml:3:21: the environment variable FOREBAY_TEST_UNSET is not set: set it "
            "before the start\n");
}

TEST_F(Config, EachPropertyThatTheEngineOwnsIsRefusedByName) {
  ASSERT_GT(definition::OwnedKafkaProperties().size(), 20u);
  for (const definition::OwnedProperty& property : definition::OwnedKafkaProperties()) {
    EXPECT_EQ(
        Errors(fmt::format("project: p\nkafka:\n  {}: x\n", property.name)),
        fmt::format("forebay.yaml:3:3: '{}' cannot be set: {}\n", property.name, property.reason));
  }
}

TEST_F(Config, WhatComesFromTheEnvironmentIsNeverShown) {
  setenv("FOREBAY_TEST_SECRET", "hunter2", 1);
  EXPECT_EQ(Errors("project: p\ntask_threads: ${FOREBAY_TEST_SECRET}\n"),
            "forebay.yaml:2:15: task_threads must be a whole number, 1 to 256, found "
            "'${FOREBAY_TEST_SECRET}' (after substitution)\n");
}

TEST(ConfigurationPage, IsTheOneInDocs) {
  const std::string path = FOREBAY_SOURCE_DIR "/docs/configuration.md";
  std::string page = definition::ConfigurationPage();
  if (std::getenv("FOREBAY_UPDATE_DOCS") != nullptr) std::ofstream(path) << page;
  std::ifstream stream(path);
  std::string written{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  EXPECT_EQ(written, page) << "renew it: FOREBAY_UPDATE_DOCS=1 project_test";
}

}  // namespace
}  // namespace forebay
