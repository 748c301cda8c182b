#include "offline/iceberg/iceberg_export.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "offline/delta/random_id.h"
#include "offline/delta/snapshot.h"
#include "offline/delta/table_schema.h"
#include "offline/delta/table_version.h"
#include "offline/iceberg/data_files.h"
#include "offline/iceberg/iceberg_schema.h"
#include "offline/iceberg/manifest.h"
#include "offline/iceberg/table_metadata.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int kMostConflicts = 100;
constexpr size_t kMostManifests = 16;      // of a snapshot; more are merged
constexpr size_t kKeptMetadataFiles = 20;  // before the newest

// A manifest of the current snapshot, and what is in it.
struct ReadManifest {
  ManifestFile file;
  std::vector<ManifestEntry> entries;
};

std::string MetadataFolder(const std::string& table) { return table + "/metadata"; }

std::string_view NameOf(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Of "v12.metadata.json".
std::optional<int64_t> NumberOf(std::string_view name) {
  constexpr std::string_view kSuffix = ".metadata.json";
  if (!name.starts_with('v') || !name.ends_with(kSuffix)) return std::nullopt;
  name = name.substr(1, name.size() - 1 - kSuffix.size());
  int64_t number = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

std::string MetadataName(int64_t number) { return fmt::format("v{}.metadata.json", number); }

int64_t RandomSnapshotId() {
  std::random_device random;
  return static_cast<int64_t>(((uint64_t{random()} << 32) | random()) >> 1) | 1;
}

bool IsLost(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsDataLoss(status);
}

class Exporter {
 public:
  Exporter(ObjectStore* store, const std::string& table, const std::string& location)
      : store_(store), table_(table), location_(location) {}

  // ALREADY_EXISTS: another exporter was first; try anew.
  absl::StatusOr<IcebergExport> Run();

 private:
  absl::Status Load();
  absl::Status LoadLast();
  absl::Status LoadManifests();
  absl::Status MakeSnapshot();
  absl::Status AddFiles(const IcebergSnapshot& snapshot, std::vector<ManifestFile>* manifests);
  absl::Status KeepFiles(const IcebergSnapshot& snapshot, std::vector<ManifestFile>* manifests);
  absl::Status WriteManifest(const std::vector<ManifestEntry>& entries,
                             const IcebergSnapshot& snapshot, std::vector<ManifestFile>* manifests);
  std::string OperationOf() const;
  bool ChangedData() const;
  absl::Status Expire();
  absl::Status Publish();
  absl::Status WriteHint();
  void Clean();
  std::set<std::string> FilesOf(const IcebergSnapshot& snapshot) const;
  IcebergExport Result(bool is_new) const;

  // Of a file in the folder of metadata, by its name or URI.
  std::string PathOf(std::string_view name) const {
    return fmt::format("{}/{}", MetadataFolder(table_), NameOf(name));
  }
  std::string UriOf(std::string_view name) const {
    return fmt::format("{}/metadata/{}", location_, name);
  }

  ObjectStore* store_;
  const std::string& table_;
  const std::string& location_;

  Snapshot delta_;
  std::shared_ptr<arrow::Schema> schema_;  // with field ids
  int64_t last_number_ = 0;                // of the newest metadata file; 0: there is none
  bool has_last_ = false;                  // it is one to go on from
  TableMetadata metadata_;                 // it, then what is written
  std::vector<ReadManifest> manifests_;    // of its current snapshot
  std::vector<std::string> written_;       // paths, for an export that came second
  std::vector<IcebergSnapshot> expired_;
  // Files that the new snapshot has, and those that it has no more.
  int64_t added_files_ = 0, added_rows_ = 0, removed_files_ = 0, removed_rows_ = 0;
  int64_t files_ = 0, rows_ = 0;
  int64_t last_updated_ms_ = 0;     // of the metadata before
  std::set<std::string> unneeded_;  // paths, once this is published
};

absl::Status Exporter::Load() {
  ASSIGN_OR_RETURN(delta_, LoadSnapshot(*store_, table_, std::nullopt));
  if (delta_.metadata.partition_columns != std::vector<std::string>{"date"}) {
    return absl::FailedPreconditionError(
        fmt::format("the Delta table {} is not partitioned by `date`: only offline tables of "
                    "forebay are exported to Iceberg",
                    store_->Describe(table_)));
  }
  RETURN_IF_ERROR(LoadLast());
  if (has_last_) {
    schema_ = WithFieldIdsOf(metadata_.schemas.at(metadata_.current_schema_id), *delta_.schema);
    has_last_ = schema_ != nullptr && metadata_.location == location_ &&
                metadata_.uuid == delta_.metadata.id;
  }
  if (has_last_) {
    absl::Status read = LoadManifests();
    if (!read.ok() && !IsLost(read)) return read;
    has_last_ = read.ok();
  }
  if (has_last_) return absl::OkStatus();
  // There was none, or of a table in another place, or made anew, or of files that someone removed:
  // a history of its own.
  schema_ = WithFieldIds(*delta_.schema);
  metadata_ = TableMetadata();
  manifests_.clear();
  files_ = rows_ = 0;
  return absl::OkStatus();
}

absl::Status Exporter::LoadLast() {
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store_->List(MetadataFolder(table_)));
  for (const ObjectInfo& object : objects)
    last_number_ = std::max(last_number_, NumberOf(NameOf(object.path)).value_or(0));
  if (last_number_ == 0) return absl::OkStatus();
  const std::string path = PathOf(MetadataName(last_number_));
  ASSIGN_OR_RETURN(std::string text, store_->Get(path));
  absl::StatusOr<TableMetadata> metadata = DecodeTableMetadata(text);
  if (metadata.ok()) {
    metadata_ = *std::move(metadata);
    has_last_ = true;
  } else if (!IsLost(metadata.status())) {
    return absl::Status(metadata.status().code(),
                        fmt::format("the Iceberg metadata {}: {}", store_->Describe(path),
                                    std::string(metadata.status().message())));
  }
  return absl::OkStatus();
}

absl::Status Exporter::LoadManifests() {
  ASSIGN_OR_RETURN(std::string list, store_->Get(PathOf(metadata_.snapshots.back().manifest_list)));
  ASSIGN_OR_RETURN(std::vector<ManifestFile> files, DecodeManifestList(list));
  for (ManifestFile& file : files) {
    ASSIGN_OR_RETURN(std::string bytes, store_->Get(PathOf(file.path)));
    ASSIGN_OR_RETURN(std::vector<ManifestEntry> entries, DecodeManifest(bytes));
    std::erase_if(entries, [](const auto& entry) { return entry.status == EntryStatus::kDeleted; });
    for (const ManifestEntry& entry : entries) {
      ++files_;
      rows_ += entry.file.records;
    }
    manifests_.push_back({std::move(file), std::move(entries)});
  }
  return absl::OkStatus();
}

absl::Status Exporter::WriteManifest(const std::vector<ManifestEntry>& entries,
                                     const IcebergSnapshot& snapshot,
                                     std::vector<ManifestFile>* manifests) {
  const ManifestContext context{
      .schema = NumberSchema(metadata_.schemas[snapshot.schema_id], snapshot.schema_id),
      .schema_id = snapshot.schema_id,
      .date_id = metadata_.date_id};
  const std::string name = fmt::format("{}-m{}.avro", RandomId(), manifests->size());
  const std::string bytes = EncodeManifest(context, entries);
  written_.push_back(PathOf(name));
  RETURN_IF_ERROR(store_->Put(written_.back(), bytes));
  ManifestFile manifest = SummarizeManifest(entries, snapshot.id, snapshot.sequence_number);
  manifest.path = UriOf(name);
  manifest.size = static_cast<int64_t>(bytes.size());
  manifests->push_back(std::move(manifest));
  return absl::OkStatus();
}

// Files that the snapshot before had: their manifests stay as they are, unless one of their files
// is gone, or there are many of them.
absl::Status Exporter::KeepFiles(const IcebergSnapshot& snapshot,
                                 std::vector<ManifestFile>* manifests) {
  std::set<std::string> live;
  for (const auto& [path, file] : delta_.files) live.insert(DataFileUri(location_, path));
  std::vector<ManifestEntry> rewritten;
  const bool merge = manifests_.size() >= kMostManifests;
  for (ReadManifest& manifest : manifests_) {
    bool whole = true;
    for (ManifestEntry& entry : manifest.entries) {
      entry.status = EntryStatus::kExisting;
      if (live.contains(entry.file.path)) continue;
      whole = false;
      entry.status = EntryStatus::kDeleted;
      entry.snapshot_id = snapshot.id;
      ++removed_files_;
      removed_rows_ += entry.file.records;
    }
    if (whole && !merge) {
      if (!manifest.entries.empty()) manifests->push_back(manifest.file);
    } else {
      rewritten.insert(rewritten.end(), manifest.entries.begin(), manifest.entries.end());
    }
  }
  return rewritten.empty() ? absl::OkStatus() : WriteManifest(rewritten, snapshot, manifests);
}

absl::Status Exporter::AddFiles(const IcebergSnapshot& snapshot,
                                std::vector<ManifestFile>* manifests) {
  std::set<std::string> known;
  for (const ReadManifest& manifest : manifests_) {
    for (const ManifestEntry& entry : manifest.entries) known.insert(entry.file.path);
  }
  std::vector<ManifestEntry> added;
  for (const auto& [path, file] : delta_.files) {
    if (known.contains(DataFileUri(location_, path))) continue;
    ASSIGN_OR_RETURN(IcebergDataFile data,
                     ToIcebergFile(*store_, table_, location_, *schema_, file));
    added_rows_ += data.records;
    added.push_back({.status = EntryStatus::kAdded,
                     .snapshot_id = snapshot.id,
                     .sequence_number = snapshot.sequence_number,
                     .file = std::move(data)});
  }
  added_files_ = std::ssize(added);
  return added.empty() ? absl::OkStatus() : WriteManifest(added, snapshot, manifests);
}

// Whether a commit since the last export says that it changed rows, or cannot be read any more.
bool Exporter::ChangedData() const {
  if (metadata_.snapshots.empty()) return true;
  for (int64_t version = metadata_.snapshots.back().DeltaVersion() + 1; version <= delta_.version;
       ++version) {
    absl::StatusOr<std::vector<Action>> actions = ReadCommit(*store_, table_, version);
    if (!actions.ok()) return true;
    for (const Action& action : *actions) {
      const auto* add = std::get_if<AddAction>(&action);
      const auto* remove = std::get_if<RemoveAction>(&action);
      if ((add != nullptr && add->data_change) || (remove != nullptr && remove->data_change))
        return true;
    }
  }
  return false;
}

std::string Exporter::OperationOf() const {
  if (removed_files_ == 0) return "append";
  if (!ChangedData()) return "replace";
  return added_files_ == 0 ? "delete" : "overwrite";
}

absl::Status Exporter::MakeSnapshot() {
  ASSIGN_OR_RETURN(IcebergSchema schema, ToIcebergSchema(*schema_));
  auto known = std::find(metadata_.schemas.begin(), metadata_.schemas.end(), schema.json);
  metadata_.current_schema_id = static_cast<int>(known - metadata_.schemas.begin());
  if (known == metadata_.schemas.end()) metadata_.schemas.push_back(schema.json);
  metadata_.last_column_id = std::max(metadata_.last_column_id, schema.last_column_id);
  metadata_.date_id = schema.date_id;
  metadata_.uuid = delta_.metadata.id;
  metadata_.location = location_;
  metadata_.properties = {{"schema.name-mapping.default", schema.name_mapping},
                          {"gc.enabled", "false"}};
  IcebergSnapshot snapshot{.id = RandomSnapshotId(),
                           .sequence_number = ++metadata_.last_sequence_number,
                           .timestamp_ms = delta_.timestamp_ms,
                           .schema_id = metadata_.current_schema_id};
  if (!metadata_.snapshots.empty()) {
    snapshot.parent_id = metadata_.snapshots.back().id;
    snapshot.timestamp_ms =
        std::max(snapshot.timestamp_ms, metadata_.snapshots.back().timestamp_ms + 1);
  }
  std::vector<ManifestFile> manifests;
  RETURN_IF_ERROR(AddFiles(snapshot, &manifests));
  RETURN_IF_ERROR(KeepFiles(snapshot, &manifests));
  files_ += added_files_ - removed_files_;
  rows_ += added_rows_ - removed_rows_;
  const std::string name = fmt::format("snap-{}-1-{}.avro", snapshot.id, RandomId());
  written_.push_back(PathOf(name));
  RETURN_IF_ERROR(store_->Put(
      written_.back(),
      EncodeManifestList(snapshot.id, snapshot.parent_id, snapshot.sequence_number, manifests)));
  snapshot.manifest_list = UriOf(name);
  snapshot.summary = {{"operation", OperationOf()},
                      {"forebay.delta-version", std::to_string(delta_.version)},
                      {"added-data-files", std::to_string(added_files_)},
                      {"deleted-data-files", std::to_string(removed_files_)},
                      {"added-records", std::to_string(added_rows_)},
                      {"deleted-records", std::to_string(removed_rows_)},
                      {"total-data-files", std::to_string(files_)},
                      {"total-records", std::to_string(rows_)},
                      {"total-delete-files", "0"},
                      {"total-position-deletes", "0"},
                      {"total-equality-deletes", "0"}};
  metadata_.last_updated_ms = snapshot.timestamp_ms;
  metadata_.snapshots.push_back(std::move(snapshot));
  return absl::OkStatus();
}

// Takes out the snapshots whose data files a vacuum removed: those of versions that Delta's readers
// cannot read either.
absl::Status Exporter::Expire() {
  if (metadata_.snapshots.size() < 2) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t oldest, OldestWholeVersion(*store_, table_));
  auto kept = std::find_if(metadata_.snapshots.begin(), metadata_.snapshots.end() - 1,
                           [&](const auto& one) { return one.DeltaVersion() >= oldest; });
  expired_.assign(metadata_.snapshots.begin(), kept);
  metadata_.snapshots.erase(metadata_.snapshots.begin(), kept);
  return absl::OkStatus();
}

absl::Status Exporter::Publish() {
  if (has_last_) {
    metadata_.log.push_back(
        {.file = UriOf(MetadataName(last_number_)), .timestamp_ms = last_updated_ms_});
  }
  while (metadata_.log.size() > kKeptMetadataFiles) {
    unneeded_.insert(PathOf(metadata_.log.front().file));
    metadata_.log.erase(metadata_.log.begin());
  }
  const int64_t number = last_number_ + 1;
  RETURN_IF_ERROR(store_->PutIfAbsent(PathOf(MetadataName(number)), EncodeTableMetadata(metadata_),
                                      std::nullopt));
  last_number_ = number;
  return absl::OkStatus();
}

// For readers that are given the table's folder. One that another exporter, or a kill, left behind
// names metadata that is there, too.
absl::Status Exporter::WriteHint() {
  const std::string path = PathOf("version-hint.text");
  const std::string hint = std::to_string(last_number_);
  absl::StatusOr<std::string> found = store_->Get(path);
  if (found.ok() && *found == hint) return absl::OkStatus();
  if (!found.ok() && !absl::IsNotFound(found.status())) return found.status();
  return store_->Put(path, hint);
}

// The manifests and the list of a snapshot; empty: they cannot be read.
std::set<std::string> Exporter::FilesOf(const IcebergSnapshot& snapshot) const {
  const std::string list = PathOf(snapshot.manifest_list);
  absl::StatusOr<std::string> bytes = store_->Get(list);
  if (!bytes.ok()) return {};
  absl::StatusOr<std::vector<ManifestFile>> manifests = DecodeManifestList(*bytes);
  if (!manifests.ok()) return {};
  std::set<std::string> files = {list};
  for (const ManifestFile& manifest : *manifests) files.insert(PathOf(manifest.path));
  return files;
}

// Removes what nothing names any more. What stays behind after an error takes room, nothing else.
void Exporter::Clean() {
  for (const IcebergSnapshot& snapshot : expired_) unneeded_.merge(FilesOf(snapshot));
  if (!expired_.empty()) {
    // A manifest of an expired and of a kept snapshot is one of all between, too.
    const std::set<std::string> needed = FilesOf(metadata_.snapshots.front());
    if (needed.empty()) return;
    for (const std::string& path : needed) unneeded_.erase(path);
  }
  for (const std::string& path : unneeded_) (void)store_->Delete(path);
}

IcebergExport Exporter::Result(bool is_new) const {
  const IcebergSnapshot& snapshot = metadata_.snapshots.back();
  return {.snapshot_id = snapshot.id,
          .delta_version = snapshot.DeltaVersion(),
          .is_new = is_new,
          .operation = snapshot.summary.at("operation"),
          .files = files_,
          .rows = rows_,
          .expired = std::ssize(expired_),
          .metadata = UriOf(MetadataName(last_number_))};
}

absl::StatusOr<IcebergExport> Exporter::Run() {
  RETURN_IF_ERROR(Load());
  const bool is_new = !has_last_ || metadata_.snapshots.back().DeltaVersion() < delta_.version;
  last_updated_ms_ = metadata_.last_updated_ms;
  if (is_new) RETURN_IF_ERROR(MakeSnapshot());
  RETURN_IF_ERROR(Expire());
  if (is_new || !expired_.empty()) {
    absl::Status published = Publish();
    if (absl::IsAlreadyExists(published)) {
      for (const std::string& path : written_) (void)store_->Delete(path);
    }
    RETURN_IF_ERROR(published);
  }
  RETURN_IF_ERROR(WriteHint());
  Clean();
  return Result(is_new);
}

}  // namespace

absl::StatusOr<std::string> IcebergLocation(const StoreUri& warehouse, const std::string& table) {
  if (!warehouse.is_file()) return fmt::format("{}/{}", warehouse.ToString(), table);
  std::error_code error;
  const std::string folder = std::filesystem::absolute(warehouse.path, error).lexically_normal();
  if (error) {
    return absl::FailedPreconditionError(
        fmt::format("cannot tell where the warehouse {} is: {}", warehouse.path, error.message()));
  }
  return fmt::format("file://{}{}{}", folder, folder.ends_with('/') ? "" : "/", table);
}

absl::StatusOr<IcebergExport> ExportToIceberg(ObjectStore* store, const std::string& table,
                                              const std::string& location) {
  for (int attempt = 0; attempt < kMostConflicts; ++attempt) {
    absl::StatusOr<IcebergExport> done = Exporter(store, table, location).Run();
    if (!absl::IsAlreadyExists(done.status())) return done;
  }
  return absl::UnavailableError(
      fmt::format("{} other exports to Iceberg came first in the Delta table {}", kMostConflicts,
                  store->Describe(table)));
}

}  // namespace forebay
