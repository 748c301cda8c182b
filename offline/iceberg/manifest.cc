#include "offline/iceberg/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "offline/iceberg/avro.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// A field of a record that must have a value; of one that may lack.
std::string Field(std::string_view name, std::string_view type, int id) {
  return fmt::format(R"({{"name":"{}","type":{},"field-id":{}}})", name, type, id);
}

std::string Optional(std::string_view name, std::string_view type, int id) {
  return fmt::format(R"({{"name":"{}","type":["null",{}],"default":null,"field-id":{}}})", name,
                     type, id);
}

// Avro has maps with keys of text alone.
std::string IntMap(std::string_view value, int key_id, int value_id) {
  return fmt::format(
      R"({{"type":"array","logicalType":"map","items":{{"type":"record","name":"k{0}_v{1}","fields":[{2},{3}]}}}})",
      key_id, value_id, Field("key", R"("int")", key_id), Field("value", value, value_id));
}

std::string ListType(std::string_view element, int element_id) {
  return fmt::format(R"({{"type":"array","items":{},"element-id":{}}})", element, element_id);
}

constexpr std::string_view kInt = R"("int")";
constexpr std::string_view kLong = R"("long")";
constexpr std::string_view kText = R"("string")";
constexpr std::string_view kBytes = R"("bytes")";
constexpr std::string_view kBool = R"("boolean")";
constexpr int kPartitionFieldId = 1000;

std::string Join(const std::vector<std::string>& fields) {
  return fmt::format("{}", fmt::join(fields, ","));
}

std::string Record(std::string_view name, const std::vector<std::string>& fields) {
  return fmt::format(R"({{"type":"record","name":"{}","fields":[{}]}})", name, Join(fields));
}

const std::string& EntrySchema() {
  static const auto& schema = *new std::string([] {
    const std::string partition = Record(
        "r102", {Optional("date", R"({"type":"int","logicalType":"date"})", kPartitionFieldId)});
    const std::string data_file =
        Record("r2", {Field("content", kInt, 134), Field("file_path", kText, 100),
                      Field("file_format", kText, 101), Field("partition", partition, 102),
                      Field("record_count", kLong, 103), Field("file_size_in_bytes", kLong, 104),
                      Optional("column_sizes", IntMap(kLong, 117, 118), 108),
                      Optional("value_counts", IntMap(kLong, 119, 120), 109),
                      Optional("null_value_counts", IntMap(kLong, 121, 122), 110),
                      Optional("nan_value_counts", IntMap(kLong, 138, 139), 137),
                      Optional("lower_bounds", IntMap(kBytes, 126, 127), 125),
                      Optional("upper_bounds", IntMap(kBytes, 129, 130), 128),
                      Optional("key_metadata", kBytes, 131),
                      Optional("split_offsets", ListType(kLong, 133), 132),
                      Optional("equality_ids", ListType(kInt, 136), 135),
                      Optional("sort_order_id", kInt, 140)});
    return Record("manifest_entry",
                  {Field("status", kInt, 0), Optional("snapshot_id", kLong, 1),
                   Optional("sequence_number", kLong, 3),
                   Optional("file_sequence_number", kLong, 4), Field("data_file", data_file, 2)});
  }());
  return schema;
}

const std::string& ListSchema() {
  static const auto& schema = *new std::string([] {
    const std::string summary = Record(
        "r508", {Field("contains_null", kBool, 509), Optional("contains_nan", kBool, 518),
                 Optional("lower_bound", kBytes, 510), Optional("upper_bound", kBytes, 511)});
    return Record(
        "manifest_file",
        {Field("manifest_path", kText, 500), Field("manifest_length", kLong, 501),
         Field("partition_spec_id", kInt, 502), Field("content", kInt, 517),
         Field("sequence_number", kLong, 515), Field("min_sequence_number", kLong, 516),
         Field("added_snapshot_id", kLong, 503), Field("added_files_count", kInt, 504),
         Field("existing_files_count", kInt, 505), Field("deleted_files_count", kInt, 506),
         Field("added_rows_count", kLong, 512), Field("existing_rows_count", kLong, 513),
         Field("deleted_rows_count", kLong, 514),
         Optional("partitions", ListType(summary, 508), 507),
         Optional("key_metadata", kBytes, 519)});
  }());
  return schema;
}

void EncodeCounts(const std::map<int32_t, int64_t>& counts, AvroEncoder* out) {
  out->Present();
  if (!counts.empty()) {
    out->Long(static_cast<int64_t>(counts.size()));
    for (const auto& [id, count] : counts) {
      out->Long(id);
      out->Long(count);
    }
  }
  out->Long(0);
}

std::map<int32_t, int64_t> DecodeCounts(AvroDecoder* in) {
  std::map<int32_t, int64_t> counts;
  in->Present();
  for (int64_t left = in->Long(); in->ok() && left > 0; left = in->Long()) {
    for (; in->ok() && left > 0; --left) {
      const auto id = static_cast<int32_t>(in->Long());
      counts[id] = in->Long();
    }
  }
  return counts;
}

constexpr int kFieldsAfterCounts = 7;  // of a data file: none has a value

void EncodeFile(const IcebergDataFile& file, AvroEncoder* out) {
  out->Long(0);  // rows, no deletes
  out->Text(file.path);
  out->Text("PARQUET");
  if (file.day) {
    out->Present();
    out->Long(*file.day);
  } else {
    out->Null();
  }
  out->Long(file.records);
  out->Long(file.size);
  out->Null();  // column_sizes
  EncodeCounts(file.value_counts, out);
  EncodeCounts(file.null_counts, out);
  for (int i = 0; i < kFieldsAfterCounts; ++i) out->Null();
}

IcebergDataFile DecodeFile(AvroDecoder* in) {
  IcebergDataFile file;
  in->Long();
  file.path = in->Text();
  in->Text();
  if (in->Present()) file.day = static_cast<int32_t>(in->Long());
  file.records = in->Long();
  file.size = in->Long();
  in->Present();
  file.value_counts = DecodeCounts(in);
  file.null_counts = DecodeCounts(in);
  for (int i = 0; i < kFieldsAfterCounts; ++i) in->Present();
  return file;
}

// Little endian, as Iceberg has single values of dates.
std::string DayBytes(int32_t day) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8)
    bytes += static_cast<char>(static_cast<uint32_t>(day) >> shift);
  return bytes;
}

std::optional<int32_t> DayOf(const std::string& bytes) {
  if (bytes.size() != sizeof(int32_t)) return std::nullopt;
  uint32_t day = 0;
  for (size_t i = 0; i < bytes.size(); ++i)
    day |= uint32_t{static_cast<uint8_t>(bytes[i])} << 8 * i;
  return static_cast<int32_t>(day);
}

void EncodeDay(std::optional<int32_t> day, AvroEncoder* out) {
  if (!day) return out->Null();
  out->Present();
  out->Text(DayBytes(*day));
}

std::optional<int32_t> DecodeDay(AvroDecoder* in) {
  return in->Present() ? DayOf(in->Text()) : std::nullopt;
}

// The order of the counts in a manifest list.
constexpr EntryStatus kListed[] = {EntryStatus::kAdded, EntryStatus::kExisting,
                                   EntryStatus::kDeleted};

absl::StatusOr<AvroFile> DecodeWith(std::string_view bytes, const std::string& schema) {
  ASSIGN_OR_RETURN(AvroFile file, DecodeAvroFile(bytes));
  if (file.metadata["avro.schema"] == schema) return file;
  return absl::DataLossError("its Avro schema is none that forebay writes");
}

}  // namespace

std::string EncodeManifest(const ManifestContext& context,
                           const std::vector<ManifestEntry>& entries) {
  AvroEncoder rows;
  for (const ManifestEntry& entry : entries) {
    rows.Long(static_cast<int64_t>(entry.status));
    rows.Present();
    rows.Long(entry.snapshot_id);
    for (int i = 0; i < 2; ++i) {  // of the rows, of the file
      rows.Present();
      rows.Long(entry.sequence_number);
    }
    EncodeFile(entry.file, &rows);
  }
  return EncodeAvroFile(
      {.metadata =
           {{"avro.schema", EntrySchema()},
            {"schema", context.schema},
            {"schema-id", std::to_string(context.schema_id)},
            {"partition-spec",
             fmt::format(
                 R"([{{"source-id":{},"field-id":{},"name":"date","transform":"identity"}}])",
                 context.date_id, kPartitionFieldId)},
            {"partition-spec-id", "0"},
            {"format-version", "2"},
            {"content", "data"}},
       .records = static_cast<int64_t>(entries.size()),
       .body = rows.bytes()});
}

absl::StatusOr<std::vector<ManifestEntry>> DecodeManifest(std::string_view bytes) {
  ASSIGN_OR_RETURN(AvroFile file, DecodeWith(bytes, EntrySchema()));
  AvroDecoder rows(file.body);
  std::vector<ManifestEntry> entries;
  while (rows.ok() && !rows.at_end()) {
    ManifestEntry entry{.status = static_cast<EntryStatus>(rows.Long())};
    rows.Present();
    entry.snapshot_id = rows.Long();
    for (int i = 0; i < 2; ++i) {
      rows.Present();
      entry.sequence_number = rows.Long();
    }
    entry.file = DecodeFile(&rows);
    entries.push_back(std::move(entry));
  }
  if (!rows.ok()) return absl::DataLossError("an entry of it is damaged");
  return entries;
}

ManifestFile SummarizeManifest(const std::vector<ManifestEntry>& entries, int64_t snapshot_id,
                               int64_t sequence_number) {
  ManifestFile summary{.sequence_number = sequence_number,
                       .min_sequence_number = sequence_number,
                       .snapshot_id = snapshot_id};
  for (const ManifestEntry& entry : entries) {
    summary.files[static_cast<size_t>(entry.status)] += 1;
    summary.records[static_cast<size_t>(entry.status)] += entry.file.records;
    if (entry.status != EntryStatus::kDeleted)
      summary.min_sequence_number = std::min(summary.min_sequence_number, entry.sequence_number);
    const std::optional<int32_t> day = entry.file.day;
    summary.some_without_day |= !day;
    if (!day) continue;
    summary.first_day = std::min(summary.first_day.value_or(*day), *day);
    summary.last_day = std::max(summary.last_day.value_or(*day), *day);
  }
  return summary;
}

std::string EncodeManifestList(int64_t snapshot_id, std::optional<int64_t> parent_id,
                               int64_t sequence_number,
                               const std::vector<ManifestFile>& manifests) {
  AvroEncoder rows;
  for (const ManifestFile& manifest : manifests) {
    rows.Text(manifest.path);
    rows.Long(manifest.size);
    rows.Long(0);  // partition_spec_id
    rows.Long(0);  // content: data
    rows.Long(manifest.sequence_number);
    rows.Long(manifest.min_sequence_number);
    rows.Long(manifest.snapshot_id);
    for (EntryStatus status : kListed) rows.Long(manifest.files[static_cast<size_t>(status)]);
    for (EntryStatus status : kListed) rows.Long(manifest.records[static_cast<size_t>(status)]);
    rows.Present();  // partitions: one summary
    rows.Long(1);
    rows.Bool(manifest.some_without_day);
    rows.Null();  // contains_nan
    EncodeDay(manifest.first_day, &rows);
    EncodeDay(manifest.last_day, &rows);
    rows.Long(0);
    rows.Null();  // key_metadata
  }
  return EncodeAvroFile(
      {.metadata = {{"avro.schema", ListSchema()},
                    {"snapshot-id", std::to_string(snapshot_id)},
                    {"parent-snapshot-id", parent_id ? std::to_string(*parent_id) : "null"},
                    {"sequence-number", std::to_string(sequence_number)},
                    {"format-version", "2"}},
       .records = static_cast<int64_t>(manifests.size()),
       .body = rows.bytes()});
}

absl::StatusOr<std::vector<ManifestFile>> DecodeManifestList(std::string_view bytes) {
  ASSIGN_OR_RETURN(AvroFile file, DecodeWith(bytes, ListSchema()));
  AvroDecoder rows(file.body);
  std::vector<ManifestFile> manifests;
  while (rows.ok() && !rows.at_end()) {
    ManifestFile manifest{.path = rows.Text(), .size = rows.Long()};
    rows.Long();
    rows.Long();
    manifest.sequence_number = rows.Long();
    manifest.min_sequence_number = rows.Long();
    manifest.snapshot_id = rows.Long();
    for (EntryStatus status : kListed)
      manifest.files[static_cast<size_t>(status)] = static_cast<int32_t>(rows.Long());
    for (EntryStatus status : kListed) manifest.records[static_cast<size_t>(status)] = rows.Long();
    rows.Present();
    rows.Long();
    manifest.some_without_day = rows.Bool();
    rows.Present();
    manifest.first_day = DecodeDay(&rows);
    manifest.last_day = DecodeDay(&rows);
    rows.Long();
    rows.Present();
    manifests.push_back(std::move(manifest));
  }
  if (!rows.ok()) return absl::DataLossError("an entry of it is damaged");
  return manifests;
}

}  // namespace forebay
