#include "offline/delta/data_file.h"

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <fmt/format.h>
#include <parquet/arrow/writer.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "engine/batch/change_batch.h"
#include "offline/delta/number_encoding.h"
#include "offline/delta/random_id.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<std::shared_ptr<arrow::RecordBatch>>;

constexpr int64_t kRowGroupRows = 128 * 1024;

// A negative level leaves out the entropy coding of literals: a fifth of the time for rows and
// files a fifth larger. These files are rewritten when the table is compacted.
constexpr int kZstdLevel = -5;

// See docs/formats/offline_table.md: dictionaries pay for keys and lists only.
std::shared_ptr<parquet::WriterProperties> FileProperties(const arrow::Schema& schema,
                                                          ParquetEncoding encoding) {
  parquet::WriterProperties::Builder builder;
  builder.compression(arrow::Compression::ZSTD)
      ->compression_level(kZstdLevel)
      ->disable_dictionary()
      ->enable_page_checksum()
      ->max_row_group_length(kRowGroupRows);
  int keys = KeyColumns(schema);
  int hash = EffectiveTimeColumn(schema) + kKeyHashColumn;
  for (int c = 0; c < schema.num_fields(); ++c) {
    std::string name = schema.field(c)->name();
    arrow::Type::type type = schema.field(c)->type()->id();
    if (type == arrow::Type::LIST) {  // a value is in the lists of many rows
      name += ".list.element";
      builder.enable_dictionary(name);
    } else if ((c < keys && type != arrow::Type::BOOL) || c == hash || name == "_op") {
      builder.enable_dictionary(name);
    } else {
      EncodeNumbers(*schema.field(c), encoding, &builder);
    }
    // The least and greatest value of a row group: of what rows are looked for by.
    if (c >= keys && c < EffectiveTimeColumn(schema)) builder.disable_statistics(name);
  }
  return builder.build();
}

arrow::Result<std::shared_ptr<arrow::Buffer>> EncodeParquet(const Rows& rows,
                                                            ParquetEncoding encoding) {
  ARROW_ASSIGN_OR_RAISE(auto table, arrow::Table::FromRecordBatches(rows));
  table = table->ReplaceSchemaMetadata(nullptr);
  // About what it will take, so that it is not copied as it grows.
  int64_t estimate = table->num_rows() * table->num_columns() * 3;
  ARROW_ASSIGN_OR_RAISE(auto out, arrow::io::BufferOutputStream::Create((1 << 20) + estimate));
  ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out,
                                                 kRowGroupRows,
                                                 FileProperties(*table->schema(), encoding)));
  return out->Finish();
}

// Rows and nulls, but no least and greatest values: a reader (delta-rs 1.6, as an Arrow dataset)
// takes a column that lacks them beside others that have them for one without values, and skips the
// file.
std::string Statistics(const Rows& rows) {
  const arrow::Schema& schema = *rows[0]->schema();
  int64_t count = 0;
  for (const auto& batch : rows) count += batch->num_rows();
  Json nulls = Json::object();
  for (int c = 0; c < schema.num_fields(); ++c) {
    int64_t null_count = 0;
    for (const auto& batch : rows) null_count += batch->column(c)->null_count();
    nulls[schema.field(c)->name()] = null_count;
  }
  return Json{{"numRecords", count}, {"nullCount", nulls}}.dump();
}

}  // namespace

int KeyColumns(const arrow::Schema& change_schema) {
  int first_feature_or_time = EffectiveTimeColumn(change_schema);
  int keys = 0;
  while (keys < first_feature_or_time && !change_schema.field(keys)->nullable()) ++keys;
  return keys;
}

absl::StatusOr<AddAction> WriteDataFile(ObjectStore* store, const std::string& table,
                                        const std::string& date, const Rows& rows,
                                        ParquetEncoding encoding, int64_t now_us) {
  std::string path = fmt::format("date={}/part-{}.parquet", date, RandomId());
  std::string full_path = table + "/" + path;
  std::shared_ptr<arrow::Buffer> bytes;
  std::string what;
  try {
    auto encoded = EncodeParquet(rows, encoding);
    if (encoded.ok()) bytes = *encoded;
    what = encoded.status().ToString();
  } catch (const std::exception& e) {
    what = e.what();
  }
  if (bytes == nullptr) {
    return absl::InternalError(
        fmt::format("cannot encode {} as Parquet: {}", store->Describe(full_path), what));
  }
  RETURN_IF_ERROR(store->Put(full_path, {reinterpret_cast<const char*>(bytes->data()),
                                         static_cast<size_t>(bytes->size())}));
  return AddAction{.path = path,
                   .partition_values = {{"date", date}},
                   .size = bytes->size(),
                   .modified_ms = now_us / 1000,
                   .stats = Statistics(rows)};
}

}  // namespace forebay
