#include "offline/iceberg/table_metadata.h"

#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;
using Texts = std::map<std::string, std::string>;

constexpr char kDeltaVersion[] = "forebay.delta-version";

Json SnapshotToJson(const IcebergSnapshot& snapshot) {
  Json json = {{"snapshot-id", snapshot.id}};
  if (snapshot.parent_id) json["parent-snapshot-id"] = *snapshot.parent_id;
  json["sequence-number"] = snapshot.sequence_number;
  json["timestamp-ms"] = snapshot.timestamp_ms;
  json["manifest-list"] = snapshot.manifest_list;
  json["summary"] = snapshot.summary;
  json["schema-id"] = snapshot.schema_id;
  return json;
}

absl::StatusOr<IcebergSnapshot> SnapshotFromJson(const Json& json) {
  IcebergSnapshot snapshot{.id = json.at("snapshot-id").get<int64_t>(),
                           .sequence_number = json.at("sequence-number").get<int64_t>(),
                           .timestamp_ms = json.at("timestamp-ms").get<int64_t>(),
                           .manifest_list = json.at("manifest-list").get<std::string>(),
                           .summary = json.at("summary").get<Texts>(),
                           .schema_id = json.value("schema-id", 0)};
  if (json.contains("parent-snapshot-id"))
    snapshot.parent_id = json["parent-snapshot-id"].get<int64_t>();
  if (snapshot.summary.contains(kDeltaVersion)) return snapshot;
  return absl::FailedPreconditionError(fmt::format(
      "its snapshot {} was written by another program; what is exported is for reading alone: "
      "remove the table's folder `metadata`, and export it again",
      snapshot.id));
}

// What is the same for every table of ours.
void AddPartitionSpec(int date_id, Json* json) {
  constexpr int kPartitionFieldId = 1000;
  (*json)["default-spec-id"] = 0;
  (*json)["partition-specs"] =
      Json::array({{{"spec-id", 0},
                    {"fields", Json::array({{{"source-id", date_id},
                                             {"field-id", kPartitionFieldId},
                                             {"name", "date"},
                                             {"transform", "identity"}}})}}});
  (*json)["last-partition-id"] = kPartitionFieldId;
  (*json)["default-sort-order-id"] = 0;
  (*json)["sort-orders"] = Json::array({{{"order-id", 0}, {"fields", Json::array()}}});
}

absl::StatusOr<TableMetadata> FromJson(const Json& json) {
  TableMetadata metadata{.uuid = json.at("table-uuid").get<std::string>(),
                         .location = json.at("location").get<std::string>(),
                         .last_sequence_number = json.at("last-sequence-number").get<int64_t>(),
                         .last_updated_ms = json.at("last-updated-ms").get<int64_t>(),
                         .last_column_id = json.at("last-column-id").get<int>(),
                         .current_schema_id = json.at("current-schema-id").get<int>(),
                         .properties = json.at("properties").get<Texts>()};
  for (const Json& schema : json.at("schemas"))
    metadata.schemas.push_back(NumberSchema(schema.dump(), 0));
  metadata.date_id = json.at("partition-specs").at(0).at("fields").at(0).at("source-id").get<int>();
  for (const Json& one : json.at("snapshots")) {
    ASSIGN_OR_RETURN(IcebergSnapshot snapshot, SnapshotFromJson(one));
    metadata.snapshots.push_back(std::move(snapshot));
  }
  for (const Json& entry : json.at("metadata-log")) {
    metadata.log.push_back({.file = entry.at("metadata-file").get<std::string>(),
                            .timestamp_ms = entry.at("timestamp-ms").get<int64_t>()});
  }
  if (metadata.snapshots.empty()) return absl::DataLossError("it has no snapshot");
  return metadata;
}

}  // namespace

int64_t IcebergSnapshot::DeltaVersion() const {
  auto it = summary.find(kDeltaVersion);
  return it == summary.end() ? -1 : std::strtoll(it->second.c_str(), nullptr, 10);
}

std::string NumberSchema(const std::string& json, int schema_id) {
  Json schema = Json::parse(json);
  schema["schema-id"] = schema_id;
  return schema.dump();
}

std::string EncodeTableMetadata(const TableMetadata& metadata) {
  Json json = {{"format-version", 2},
               {"table-uuid", metadata.uuid},
               {"location", metadata.location},
               {"last-sequence-number", metadata.last_sequence_number},
               {"last-updated-ms", metadata.last_updated_ms},
               {"last-column-id", metadata.last_column_id},
               {"current-schema-id", metadata.current_schema_id}};
  json["schemas"] = Json::array();
  for (size_t id = 0; id < metadata.schemas.size(); ++id) {
    json["schemas"].push_back(
        Json::parse(NumberSchema(metadata.schemas[id], static_cast<int>(id))));
  }
  AddPartitionSpec(metadata.date_id, &json);
  json["properties"] = metadata.properties;
  const int64_t current = metadata.snapshots.back().id;
  json["current-snapshot-id"] = current;
  json["refs"] = {{"main", {{"snapshot-id", current}, {"type", "branch"}}}};
  json["snapshots"] = Json::array();
  json["snapshot-log"] = Json::array();
  for (const IcebergSnapshot& snapshot : metadata.snapshots) {
    json["snapshots"].push_back(SnapshotToJson(snapshot));
    json["snapshot-log"].push_back(
        {{"timestamp-ms", snapshot.timestamp_ms}, {"snapshot-id", snapshot.id}});
  }
  json["metadata-log"] = Json::array();
  for (const auto& [file, timestamp_ms] : metadata.log)
    json["metadata-log"].push_back({{"timestamp-ms", timestamp_ms}, {"metadata-file", file}});
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<TableMetadata> DecodeTableMetadata(std::string_view text) {
  try {
    return FromJson(Json::parse(text));
  } catch (const nlohmann::json::exception& e) {
    return absl::DataLossError(
        fmt::format("it is no metadata of a table that forebay exported: {}", e.what()));
  }
}

}  // namespace forebay
