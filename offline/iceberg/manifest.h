// Manifests of an Iceberg table, which list its data files, and manifest lists, which list those
// of a snapshot; both as Avro files. Format 2 of the Iceberg specification.
#ifndef FOREBAY_OFFLINE_ICEBERG_MANIFEST_H_
#define FOREBAY_OFFLINE_ICEBERG_MANIFEST_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace forebay {

struct IcebergDataFile {
  std::string path;            // a URI
  std::optional<int32_t> day;  // of its partition: days since 1970
  int64_t records = 0;
  int64_t size = 0;                         // bytes
  std::map<int32_t, int64_t> value_counts;  // by field id; exact, or left out
  std::map<int32_t, int64_t> null_counts;

  bool operator==(const IcebergDataFile&) const = default;
};

enum class EntryStatus : uint8_t { kExisting = 0, kAdded = 1, kDeleted = 2 };

struct ManifestEntry {
  EntryStatus status = EntryStatus::kAdded;
  int64_t snapshot_id = 0;      // that added the file; of a deleted one, that deleted it
  int64_t sequence_number = 0;  // of the snapshot that added it
  IcebergDataFile file;

  bool operator==(const ManifestEntry&) const = default;
};

// Of all manifests of a table.
struct ManifestContext {
  std::string schema;  // JSON
  int schema_id = 0;
  int date_id = 0;  // field id of the column by which the table is partitioned
};

std::string EncodeManifest(const ManifestContext& context,
                           const std::vector<ManifestEntry>& entries);

// Of EncodeManifest. DATA_LOSS: it is damaged, or of another program.
absl::StatusOr<std::vector<ManifestEntry>> DecodeManifest(std::string_view bytes);

// A manifest, as its list says.
struct ManifestFile {
  std::string path;                 // a URI
  int64_t size = 0;                 // bytes
  int64_t sequence_number = 0;      // of the snapshot that wrote it
  int64_t min_sequence_number = 0;  // of its entries
  int64_t snapshot_id = 0;          // that wrote it
  // By EntryStatus.
  int32_t files[3] = {};
  int64_t records[3] = {};
  // Of its partitions; nullopt: no file has one.
  std::optional<int32_t> first_day;
  std::optional<int32_t> last_day;
  bool some_without_day = false;

  bool operator==(const ManifestFile&) const = default;
};

// All but `path` and `size`.
ManifestFile SummarizeManifest(const std::vector<ManifestEntry>& entries, int64_t snapshot_id,
                               int64_t sequence_number);

std::string EncodeManifestList(int64_t snapshot_id, std::optional<int64_t> parent_id,
                               int64_t sequence_number, const std::vector<ManifestFile>& manifests);

// Of EncodeManifestList. DATA_LOSS as above.
absl::StatusOr<std::vector<ManifestFile>> DecodeManifestList(std::string_view bytes);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ICEBERG_MANIFEST_H_
