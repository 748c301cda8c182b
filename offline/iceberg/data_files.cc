#include "offline/iceberg/data_files.h"

#include <arrow/api.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/metadata.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "offline/delta/arrow_file.h"
#include "offline/delta/data_file.h"
#include "offline/delta/table_schema.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

absl::StatusOr<int64_t> CountRows(const ObjectStore& store, const std::string& table,
                                  const std::string& path) {
  ASSIGN_OR_RETURN(auto file, OpenDataFile(store, table, path));
  std::string what;
  try {
    auto reader = OpenParquet(std::move(file));
    if (reader.ok()) return (*reader)->parquet_reader()->metadata()->num_rows();
    what = reader.status().message();
  } catch (const std::exception& e) {
    what = e.what();
  }
  return UnusableDataFile(store, table, path, what);
}

// Null counts of columns; those of lists say nothing of elements, which are what Iceberg counts.
void TakeCounts(const nlohmann::json& stats, const arrow::Schema& schema, IcebergDataFile* file) {
  auto counts = stats.find("nullCount");
  if (counts == stats.end() || !counts->is_object()) return;
  for (const auto& field : schema.fields()) {
    auto nulls = counts->find(field->name());
    if (nulls == counts->end() || !nulls->is_number_integer()) continue;
    if (field->type()->id() == arrow::Type::LIST) continue;
    file->value_counts[FieldId(*field)] = file->records;
    file->null_counts[FieldId(*field)] = nulls->get<int64_t>();
  }
}

std::optional<int32_t> DayOf(const AddAction& file) {
  std::optional<int64_t> start = StartOfDate(file);
  if (!start) return std::nullopt;
  return static_cast<int32_t>(*start / kMicrosPerDay);
}

}  // namespace

std::string DataFileUri(const std::string& location, const std::string& path) {
  return IsInTable(path) ? fmt::format("{}/{}", location, path) : path;
}

absl::StatusOr<IcebergDataFile> ToIcebergFile(const ObjectStore& store, const std::string& table,
                                              const std::string& location,
                                              const arrow::Schema& schema, const AddAction& file) {
  IcebergDataFile out{
      .path = DataFileUri(location, file.path), .day = DayOf(file), .size = file.size};
  auto stats = nlohmann::json::parse(file.stats, nullptr, /*allow_exceptions=*/false);
  if (!stats.is_object()) stats = nlohmann::json::object();
  if (std::optional<int64_t> rows = RowsOf(file)) {
    out.records = *rows;
  } else {
    ASSIGN_OR_RETURN(out.records, CountRows(store, table, file.path));
  }
  TakeCounts(stats, schema, &out);
  return out;
}

}  // namespace forebay
