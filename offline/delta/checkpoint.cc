#include "offline/delta/checkpoint.h"

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

#include "offline/delta/action_json.h"
#include "offline/delta/arrow_file.h"
#include "offline/delta/json_arrow.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;

// "00000000000000000020.checkpoint.0000000001.0000000003.parquet": the first part of three.
constexpr size_t kPartDigits = 10;
constexpr std::string_view kPartsSuffix = ".checkpoint.0000000001.0000000003.parquet";
constexpr size_t kPartsAt = kPartsSuffix.find("0000000003");

// One nullable struct per kind of action; a row holds exactly one.
std::shared_ptr<arrow::Schema> CheckpointSchema() {
  using arrow::field;
  auto text = arrow::utf8();
  auto number = arrow::int64();
  auto yes_or_no = arrow::boolean();
  auto map = arrow::map(text, field("value", text));
  auto txn = arrow::struct_(
      {field("appId", text), field("version", number), field("lastUpdated", number)});
  auto add =
      arrow::struct_({field("path", text), field("partitionValues", map), field("size", number),
                      field("modificationTime", number), field("dataChange", yes_or_no),
                      field("stats", text), field("tags", map)});
  auto remove =
      arrow::struct_({field("path", text), field("deletionTimestamp", number),
                      field("dataChange", yes_or_no), field("extendedFileMetadata", yes_or_no),
                      field("partitionValues", map), field("size", number)});
  auto format = arrow::struct_({field("provider", text), field("options", map)});
  auto metadata =
      arrow::struct_({field("id", text), field("format", format), field("schemaString", text),
                      field("partitionColumns", arrow::list(field("element", text))),
                      field("configuration", map), field("createdTime", number)});
  // Readers insist on 32-bit integers here.
  auto protocol = arrow::struct_(
      {field("minReaderVersion", arrow::int32()), field("minWriterVersion", arrow::int32())});
  return arrow::schema({field("txn", txn), field("add", add), field("remove", remove),
                        field("metaData", metadata), field("protocol", protocol)});
}

// Files that were removed before this, by the table's own word, no version is to be read with;
// commit times in milliseconds. Of an interval in another form than ours nothing is known.
int64_t ForgottenBefore(const Snapshot& snapshot) {
  auto property = snapshot.metadata.configuration.find(kFileRetentionProperty);
  constexpr int64_t kMillis = 1000;
  long long seconds = 0;
  char end = 0;
  if (property == snapshot.metadata.configuration.end() ||
      std::sscanf(property->second.c_str(), "interval %lld second%c", &seconds, &end) != 2) {
    return INT64_MIN;
  }
  return snapshot.timestamp_ms - seconds * kMillis;
}

std::vector<Action> CheckpointActions(const Snapshot& snapshot) {
  std::vector<Action> actions = {snapshot.protocol, snapshot.metadata};
  for (const auto& [app_id, transaction] : snapshot.transactions) actions.push_back(transaction);
  const int64_t forgotten_before = ForgottenBefore(snapshot);
  for (const auto& [path, remove] : snapshot.removed) {
    if (remove.deleted_ms < forgotten_before) continue;
    RemoveAction tombstone = remove;
    tombstone.data_change = false;
    actions.push_back(std::move(tombstone));
  }
  for (const auto& [path, file] : snapshot.files) {
    AddAction add = file;
    add.data_change = false;
    actions.push_back(std::move(add));
  }
  return actions;
}

arrow::Result<std::shared_ptr<arrow::Buffer>> Encode(const std::vector<Action>& actions) {
  auto schema = CheckpointSchema();
  ARROW_ASSIGN_OR_RAISE(auto builder,
                        arrow::RecordBatchBuilder::Make(schema, arrow::default_memory_pool()));
  for (const Action& action : actions) {
    Json line = ActionToJson(action);
    for (int c = 0; c < schema->num_fields(); ++c) {
      const std::string& kind = schema->field(c)->name();
      ARROW_RETURN_NOT_OK(
          AppendJson(line.contains(kind) ? line[kind] : Json(), builder->GetField(c)));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto rows, builder->Flush());
  ARROW_ASSIGN_OR_RAISE(auto table, arrow::Table::FromRecordBatches({rows}));
  ARROW_ASSIGN_OR_RAISE(auto out, arrow::io::BufferOutputStream::Create());
  auto properties = parquet::WriterProperties::Builder()
                        .compression(arrow::Compression::ZSTD)
                        ->enable_page_checksum()
                        ->build();
  ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out,
                                                 128 * 1024, properties));
  return out->Finish();
}

arrow::Result<std::vector<Action>> Decode(std::shared_ptr<arrow::io::RandomAccessFile> file) {
  ARROW_ASSIGN_OR_RAISE(auto reader, OpenParquet(std::move(file)));
  std::shared_ptr<arrow::Table> table;
  ARROW_ASSIGN_OR_RAISE(table, reader->ReadTable());
  std::vector<Action> actions;
  arrow::TableBatchReader batches(*table);
  std::shared_ptr<arrow::RecordBatch> rows;
  while (true) {
    ARROW_RETURN_NOT_OK(batches.ReadNext(&rows));
    if (rows == nullptr) break;
    for (int64_t row = 0; row < rows->num_rows(); ++row) {
      Json line = Json::object();
      for (int c = 0; c < rows->num_columns(); ++c) {
        Json value = ToJson(*rows->column(c), row);
        if (!value.is_null()) line[rows->schema()->field(c)->name()] = std::move(value);
      }
      if (std::optional<Action> action = ActionFromJson(line)) actions.push_back(*action);
    }
  }
  return actions;
}

absl::StatusOr<std::vector<Action>> ReadPart(const ObjectStore& store, const std::string& path) {
  ASSIGN_OR_RETURN(auto file, OpenArrowFile(store, path));
  std::string what;
  try {
    auto actions = Decode(file);
    if (actions.ok()) return *std::move(actions);
    what = actions.status().ToString();
  } catch (const std::exception& e) {
    what = e.what();
  }
  return absl::DataLossError(
      fmt::format("{} is no Delta checkpoint: {}", store.Describe(path), what));
}

}  // namespace

absl::Status WriteCheckpoint(ObjectStore* store, const std::string& table,
                             const Snapshot& snapshot) {
  std::vector<Action> actions = CheckpointActions(snapshot);
  std::string path = CheckpointPath(table, snapshot.version);
  std::shared_ptr<arrow::Buffer> bytes;
  try {
    auto encoded = Encode(actions);
    if (!encoded.ok()) {
      return absl::InternalError(fmt::format("cannot encode checkpoint {}: {}",
                                             store->Describe(path), encoded.status().ToString()));
    }
    bytes = *encoded;
  } catch (const std::exception& e) {
    return absl::InternalError(
        fmt::format("cannot encode checkpoint {}: {}", store->Describe(path), e.what()));
  }
  RETURN_IF_ERROR(store->Put(
      path, {reinterpret_cast<const char*>(bytes->data()), static_cast<size_t>(bytes->size())}));
  Json last = {{"version", snapshot.version}, {"size", actions.size()}};
  return store->Put(table + "/_delta_log/_last_checkpoint", last.dump());
}

std::map<int64_t, std::vector<ObjectInfo>> FindCheckpoints(const std::vector<ObjectInfo>& log) {
  std::map<int64_t, std::vector<ObjectInfo>> whole;
  std::map<std::pair<int64_t, std::string>, std::vector<ObjectInfo>> in_parts;  // by their number
  for (const ObjectInfo& object : log) {
    std::optional<LogFileName> name = ParseLogFileName(object.path);
    if (!name) continue;
    const auto& [version, rest] = *name;
    if (rest == ".checkpoint.parquet") {
      whole[version] = {object};
    } else if (rest.size() == kPartsSuffix.size() && rest.starts_with(".checkpoint.") &&
               rest.ends_with(".parquet")) {
      in_parts[{version, std::string(rest.substr(kPartsAt, kPartDigits))}].push_back(object);
    }
  }
  for (auto& [key, parts] : in_parts) {
    if (std::to_string(parts.size()) == key.second.substr(key.second.find_first_not_of('0')))
      whole.try_emplace(key.first, std::move(parts));
  }
  return whole;
}

absl::StatusOr<std::vector<Action>> ReadCheckpoint(const ObjectStore& store,
                                                   const std::string& table, int64_t version) {
  std::string path = CheckpointPath(table, version);
  absl::StatusOr<std::vector<Action>> actions = ReadPart(store, path);
  if (!absl::IsNotFound(actions.status())) return actions;
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> log, store.List(table + "/_delta_log"));
  auto checkpoints = FindCheckpoints(log);
  auto found = checkpoints.find(version);
  if (found == checkpoints.end()) return actions;
  std::vector<Action> all;
  for (const ObjectInfo& part : found->second) {
    ASSIGN_OR_RETURN(std::vector<Action> read, ReadPart(store, part.path));
    all.insert(all.end(), read.begin(), read.end());
  }
  return all;
}

}  // namespace forebay
