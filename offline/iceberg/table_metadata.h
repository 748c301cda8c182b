// The metadata of an Iceberg table (`metadata/v<N>.metadata.json`), as far as forebay writes it.
#ifndef FOREBAY_OFFLINE_ICEBERG_TABLE_METADATA_H_
#define FOREBAY_OFFLINE_ICEBERG_TABLE_METADATA_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace forebay {

struct IcebergSnapshot {
  int64_t id = 0;
  std::optional<int64_t> parent_id;
  int64_t sequence_number = 0;
  int64_t timestamp_ms = 0;
  std::string manifest_list;  // a URI
  std::map<std::string, std::string> summary;
  int schema_id = 0;

  // The version of the Delta table that it shows.
  int64_t DeltaVersion() const;
};

struct TableMetadata {
  std::string uuid;
  std::string location;  // the table's folder, a URI
  int64_t last_sequence_number = 0;
  int64_t last_updated_ms = 0;
  int last_column_id = 0;
  std::vector<std::string> schemas;  // as of IcebergSchema; the index is the id
  int current_schema_id = 0;
  int date_id = 0;  // of the column by which the table is partitioned
  std::map<std::string, std::string> properties;
  std::vector<IcebergSnapshot> snapshots;  // oldest first; the last is the current one. Never empty
  struct LogEntry {
    std::string file;  // a URI
    int64_t timestamp_ms = 0;
  };
  std::vector<LogEntry> log;  // of the files before this one
};

// The schema with its id.
std::string NumberSchema(const std::string& json, int schema_id);

std::string EncodeTableMetadata(const TableMetadata& metadata);

// DATA_LOSS: it is none. FAILED_PRECONDITION: another program than forebay made a snapshot.
absl::StatusOr<TableMetadata> DecodeTableMetadata(std::string_view text);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ICEBERG_TABLE_METADATA_H_
