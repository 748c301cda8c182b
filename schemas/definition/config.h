// What forebay.yaml says: where a project's parts live, and the limits they keep to. Declared once,
// in config_table.cc: parsing, errors and docs/configuration.md come from there.
#ifndef FOREBAY_SCHEMAS_DEFINITION_CONFIG_H_
#define FOREBAY_SCHEMAS_DEFINITION_CONFIG_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "schemas/types/parquet_encoding.h"
#include "schemas/types/s3_settings.h"
#include "schemas/types/store_uri.h"

namespace forebay {

enum class Delivery { kExactlyOnce, kAtLeastOnce };

// Valid and complete as LoadProject returns it: defaults filled in, bounds checked, paths absolute
// or relative to the working directory (no longer to the project folder). Durations in
// microseconds.
struct ProjectConfig {
  std::string project;
  std::string group;                         // consumer group
  std::map<std::string, std::string> kafka;  // librdkafka properties, none that the engine owns
  std::filesystem::path state;
  StoreUri warehouse;
  int64_t catalog_interval_us = 0;
  std::string worker_id;  // unique within the group: group.instance.id, transactional.id
  int64_t task_threads = 0;
  int64_t commit_interval_us = 0;
  int64_t state_interval_us = 0;
  int64_t commit_bytes = 0;
  int64_t stop_timeout_us = 0;
  int64_t flush_interval_us = 0;
  int64_t flush_bytes = 0;
  int64_t hot_map_bytes = 0;  // of the whole worker; 0: no hot map
  int64_t block_cache_bytes = 0;
  Delivery delivery = Delivery::kExactlyOnce;
  ParquetEncoding parquet_encoding = ParquetEncoding::kCompatible;
  bool upkeep = true;  // of the tables, by the worker
  int64_t upkeep_interval_us = 0;
  int64_t upkeep_cpu_percent = 0;  // of one core
  int64_t upkeep_bytes_per_second = 0;
  int64_t compaction_memory_bytes = 0;
  int64_t table_file_bytes = 0;
  int64_t table_retention_us = 0;
  int64_t cold_after_us = 0;
  int64_t verify_every_us = 0;     // 0: never
  int64_t ready_lag = 0;           // records of a partition
  int64_t replication_factor = 0;  // of topics that forebay creates; -1: the broker's default
  std::string serving_address;     // a numeric IP address
  int64_t serving_http_port = 0;   // 0: any free port
  int64_t serving_grpc_port = 0;
  std::optional<StoreUri> cold;  // where old dates of the offline tables go; nullopt: nowhere
  // Where OpenLineage events go; empty: nowhere.
  std::string openlineage_file;
  std::string openlineage_url;
  std::string openlineage_api_key_file;     // empty: none
  std::string openlineage_namespace;        // of jobs; empty: the project
  std::string openlineage_kafka_namespace;  // of topics; empty: of the first broker
  int64_t openlineage_every_us = 0;
  S3Settings s3;  // of the warehouse and the cold location, where they are in buckets
};

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_DEFINITION_CONFIG_H_
