#include "offline/delta/data_file.h"

#include <arrow/api.h>
#include <arrow/util/compression.h>
#include <fmt/format.h>
#include <parquet/arrow/writer.h>

#include <nlohmann/json.hpp>

#include "engine/batch/change_batch.h"
#include "offline/delta/arrow_file.h"
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

// How many columns at the front are entity keys: those that are not nullable.
int KeyColumns(const arrow::Schema& change_schema) {
  int first_feature_or_time = EffectiveTimeColumn(change_schema);
  int keys = 0;
  while (keys < first_feature_or_time && !change_schema.field(keys)->nullable()) ++keys;
  return keys;
}

// Doubles as they are repeat as wholes, which Snappy finds sooner than Zstandard, in fewer bytes.
// Integers that are packed hardly get smaller.
void CompressNumbers(const arrow::Field& feature, ParquetEncoding encoding,
                     parquet::WriterProperties::Builder* properties) {
  arrow::Compression::type codec;
  if (feature.type()->id() == arrow::Type::DOUBLE && encoding == ParquetEncoding::kCompatible) {
    codec = arrow::Compression::SNAPPY;
  } else if (feature.type()->id() == arrow::Type::INT64) {
    codec = arrow::Compression::UNCOMPRESSED;
  } else {
    return;
  }
  properties->compression(feature.name(), codec);
  properties->compression_level(feature.name(), arrow::util::kUseDefaultCompressionLevel);
}

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
    if (c < keys || c >= EffectiveTimeColumn(schema)) continue;
    CompressNumbers(*schema.field(c), encoding, &builder);
    // The least and greatest value of a row group: of what rows are looked for by.
    builder.disable_statistics(name);
  }
  return builder.build();
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataFileWriter>> DataFileWriter::Create(ObjectStore* store,
                                                                       const std::string& table,
                                                                       const std::string& date,
                                                                       const arrow::Schema& schema,
                                                                       ParquetEncoding encoding) {
  std::unique_ptr<DataFileWriter> file(new DataFileWriter);
  file->path_ = fmt::format("date={}/part-{}.parquet", date, RandomId());
  file->date_ = date;
  std::string full_path = table + "/" + file->path_;
  file->description_ = store->Describe(full_path);
  file->schema_ = arrow::schema(schema.fields());
  file->null_counts_.resize(schema.num_fields());
  ASSIGN_OR_RETURN(file->object_, store->Create(full_path));
  file->out_ = std::make_shared<ArrowOutput>(file->object_.get());
  RETURN_IF_ERROR(file->Run([&]() -> arrow::Status {
    return parquet::arrow::FileWriter::Open(*file->schema_, arrow::default_memory_pool(),
                                            file->out_, FileProperties(schema, encoding))
        .Value(&file->writer_);
  }));
  return file;
}

DataFileWriter::~DataFileWriter() = default;

// An error is that of the object store where the step failed to write.
template <typename Step>
absl::Status DataFileWriter::Run(Step step) {
  std::string what;
  try {
    if (arrow::Status status = step(); !status.ok()) what = status.ToString();
  } catch (const std::exception& e) {
    what = e.what();
  }
  RETURN_IF_ERROR(out_->status());
  if (what.empty()) return absl::OkStatus();
  return absl::InternalError(fmt::format("cannot encode {} as Parquet: {}", description_, what));
}

absl::Status DataFileWriter::Write(const Rows& rows) {
  RETURN_IF_ERROR(Run([&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(auto table, arrow::Table::FromRecordBatches(schema_, rows));
    return writer_->WriteTable(*table, kRowGroupRows);
  }));
  for (const auto& batch : rows) {
    row_count_ += batch->num_rows();
    for (int c = 0; c < batch->num_columns(); ++c)
      null_counts_[c] += batch->column(c)->null_count();
  }
  return absl::OkStatus();
}

absl::StatusOr<AddAction> DataFileWriter::Finish(int64_t now_us) {
  RETURN_IF_ERROR(Run([&] { return writer_->Close(); }));
  RETURN_IF_ERROR(object_->Finish());
  return AddAction{.path = path_,
                   .partition_values = {{"date", date_}},
                   .size = out_->size(),
                   .modified_ms = now_us / 1000,
                   .stats = Statistics()};
}

// Rows and nulls, but no least and greatest values: a reader (delta-rs 1.6, as an Arrow dataset)
// takes a column that lacks them beside others that have them for one without values, and skips the
// file.
std::string DataFileWriter::Statistics() const {
  Json nulls = Json::object();
  for (int c = 0; c < schema_->num_fields(); ++c)
    nulls[schema_->field(c)->name()] = null_counts_[c];
  return Json{{"numRecords", row_count_}, {"nullCount", nulls}}.dump();
}

}  // namespace forebay
