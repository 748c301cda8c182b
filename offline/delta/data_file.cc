#include "offline/delta/data_file.h"

#include <arrow/api.h>
#include <arrow/util/compression.h>
#include <fmt/format.h>
#include <parquet/arrow/writer.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "engine/batch/archive_batch.h"
#include "offline/delta/arrow_file.h"
#include "offline/delta/number_encoding.h"
#include "offline/delta/random_id.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<std::shared_ptr<arrow::RecordBatch>>;

constexpr char kDate[] = "date";

// A negative level leaves out the entropy coding of literals: a fifth of the time for rows and
// files a fifth larger. These files are rewritten when the table is compacted.
constexpr int kFlushedLevel = -5;
constexpr int kCompactedLevel = 1;
constexpr int kColdLevel = 9;

// What one key's rows are read by: as little as a page around them. With pages of 8k rows a key's
// history takes twice the time, and files are one part in a hundred smaller.
constexpr int64_t kCompactedPageRows = 2 * 1024;

bool IsOurs(const arrow::Field& column) { return column.name().starts_with('_'); }

bool IsKey(const arrow::Field& column) {
  return !column.nullable() && !IsOurs(column) && column.name() != kDate;
}

// Ours that are few bits a value once they are packed, or bits that do not repeat.
bool IsSmall(const arrow::Field& column) {
  static constexpr std::string_view kNames[] = {"_op",      "_source_partition", "_source_offset",
                                                "_ordinal", "_view_version",     kDate};
  return std::ranges::find(kNames, column.name()) != std::end(kNames);
}

bool IsText(const arrow::Field& column) { return arrow::is_base_binary_like(column.type()->id()); }

// Whether Snappy halves these numbers, by the first of them.
bool ShrinksBySnappy(const arrow::Array& doubles) {
  constexpr int64_t kSample = 8192;
  const int64_t bytes = std::min(doubles.length(), kSample) * int64_t{sizeof(double)};
  const auto codec = arrow::util::Codec::Create(arrow::Compression::SNAPPY);
  if (bytes == 0 || !codec.ok()) return true;
  const auto* input = reinterpret_cast<const uint8_t*>(doubles.data()->GetValues<double>(1));
  std::vector<uint8_t> output((*codec)->MaxCompressedLen(bytes, input));
  const auto size =
      (*codec)->Compress(bytes, input, static_cast<int64_t>(output.size()), output.data());
  return !size.ok() || *size * 2 <= bytes;
}

// Doubles as they are repeat as wholes, which Snappy finds sooner than Zstandard, in fewer bytes;
// those that do not are left as they are, for readers to take a value without its page. Integers
// that are packed hardly get smaller. `first`: some values; null: they are not known.
void CompressNumbers(const arrow::Field& feature, const DataFileOptions& options,
                     const arrow::Array* first, parquet::WriterProperties::Builder* properties) {
  arrow::Compression::type codec;
  if (feature.type()->id() == arrow::Type::DOUBLE &&
      options.encoding == ParquetEncoding::kCompatible) {
    codec = first == nullptr || ShrinksBySnappy(*first) ? arrow::Compression::SNAPPY
                                                        : arrow::Compression::UNCOMPRESSED;
  } else if (feature.type()->id() == arrow::Type::INT64) {
    codec = arrow::Compression::UNCOMPRESSED;
  } else {
    return;
  }
  properties->compression(feature.name(), codec);
  properties->compression_level(feature.name(), arrow::util::kUseDefaultCompressionLevel);
}

// Of a sorted file. Rows of a key are neighbours, so deltas see that it repeats; a dictionary would
// have nearly as many values as the column, and be read whole for a single page.
void EncodeSortedKey(const arrow::Field& column, ParquetEncoding encoding,
                     parquet::WriterProperties::Builder* properties) {
  if (IsText(column)) {
    properties->encoding(column.name(), parquet::Encoding::DELTA_BYTE_ARRAY);
  } else {
    EncodeNumbers(column, encoding, properties);
  }
}

// See docs/formats/offline_table.md: dictionaries pay for keys, lists and the texts of events only.
std::shared_ptr<parquet::WriterProperties> FileProperties(const arrow::Schema& schema,
                                                          const arrow::Schema& table,
                                                          const DataFileOptions& options,
                                                          const arrow::RecordBatch* first) {
  const bool compacted = options.stage == FileStage::kCompacted;
  const bool archive = IsArchiveSchema(schema);
  parquet::WriterProperties::Builder builder;
  builder.compression(arrow::Compression::ZSTD)
      ->compression_level(options.cold ? kColdLevel
                          : compacted  ? kCompactedLevel
                                       : kFlushedLevel)
      ->disable_dictionary()
      ->enable_page_checksum()
      ->max_row_group_length(kRowGroupRows);
  if (compacted) builder.enable_write_page_index()->max_rows_per_page(kCompactedPageRows);
  for (const auto& column : schema.fields()) {
    std::string name = column->name();
    auto of_table = table.GetFieldByName(name);
    const bool key = of_table != nullptr && IsKey(*of_table);
    if (column->type()->id() == arrow::Type::LIST) {  // a value is in the lists of many rows
      name += ".list.element";
      builder.enable_dictionary(name);
    } else if (compacted && !archive && (key || name == "_key_hash")) {
      EncodeSortedKey(*column, options.encoding, &builder);
    } else if ((key && column->type()->id() != arrow::Type::BOOL) || name == "_key_hash" ||
               name == "_op" || name == kDate || (archive && IsText(*column))) {
      builder.enable_dictionary(name);
    } else {
      EncodeNumbers(*column, options.encoding, &builder);
    }
    if (compacted && !options.cold && IsSmall(*column)) {
      builder.compression(name, arrow::Compression::UNCOMPRESSED);
      builder.compression_level(name, arrow::util::kUseDefaultCompressionLevel);
    }
    if (key || IsOurs(*column) || name == kDate) continue;
    if (!options.cold) {
      auto values = first == nullptr ? nullptr : first->GetColumnByName(column->name());
      CompressNumbers(*column, options, values.get(), &builder);
    }
    // The least and greatest value of a row group: of what rows are looked for by.
    if (!archive) builder.disable_statistics(name);
  }
  return builder.build();
}

// The columns that a file has of its table, with their field ids, then `date`.
std::shared_ptr<arrow::Schema> FileSchema(const arrow::Schema& rows, const arrow::Schema& table) {
  arrow::FieldVector fields;
  for (const auto& field : rows.fields()) {
    auto of_table = table.GetFieldByName(field->name());
    fields.push_back(of_table == nullptr ? field : of_table->WithNullable(field->nullable()));
  }
  if (auto date = table.GetFieldByName(kDate)) fields.push_back(date->WithNullable(false));
  return arrow::schema(std::move(fields));
}

arrow::Result<std::shared_ptr<arrow::Array>> Repeat(int32_t day, int64_t rows) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> days,
                        arrow::AllocateBuffer(rows * sizeof(int32_t)));
  std::fill_n(reinterpret_cast<int32_t*>(days->mutable_data()), rows, day);
  return std::make_shared<arrow::Date32Array>(rows, std::move(days));
}

}  // namespace

std::optional<int64_t> StartOfDate(const AddAction& file) {
  auto date = file.partition_values.find(kDate);
  if (date == file.partition_values.end()) return std::nullopt;
  absl::StatusOr<int64_t> start = ParseTime(date->second + "T00:00:00Z");
  return start.ok() ? std::optional(*start) : std::nullopt;
}

std::optional<int64_t> RowsOf(const AddAction& file) {
  auto stats = Json::parse(file.stats, nullptr, /*allow_exceptions=*/false);
  if (!stats.is_object()) return std::nullopt;
  auto rows = stats.find("numRecords");
  if (rows == stats.end() || !rows->is_number_integer()) return std::nullopt;
  return rows->get<int64_t>();
}

void DataFileWriter::Extremes::Take(int index, const arrow::Array& values) {
  if (index != column) return;
  const int64_t* value = values.data()->GetValues<int64_t>(1);
  for (int64_t i = 0; i < values.length(); ++i) {
    least = std::min(least, value[i]);
    greatest = std::max(greatest, value[i]);
  }
}

absl::StatusOr<std::unique_ptr<DataFileWriter>> DataFileWriter::Create(
    ObjectStore* store, const std::string& folder, const std::string& date,
    const arrow::Schema& schema, const arrow::Schema& table_schema, DataFileOptions options) {
  std::unique_ptr<DataFileWriter> file(new DataFileWriter);
  ASSIGN_OR_RETURN(int64_t start, ParseTime(date + "T00:00:00Z"));
  file->day_ = start / kMicrosPerDay;
  const std::string name = fmt::format("date={}/part-{}.parquet", date, RandomId());
  file->path_ = options.prefix + name;
  file->date_ = date;
  file->options_ = std::move(options);
  const std::string full_path = folder + "/" + name;
  file->description_ = store->Describe(full_path);
  file->schema_ = FileSchema(schema, table_schema);
  file->table_schema_ = std::make_shared<arrow::Schema>(table_schema);
  file->null_counts_.resize(schema.num_fields());
  file->key_hashes_.column = schema.GetFieldIndex("_key_hash");
  file->effective_times_.column = schema.GetFieldIndex("_effective_time");
  ASSIGN_OR_RETURN(file->object_, store->Create(full_path));
  file->out_ = std::make_shared<ArrowOutput>(file->object_.get());
  return file;
}

absl::Status DataFileWriter::Open(const Rows& first) {
  if (writer_ != nullptr) return absl::OkStatus();
  return Run([&]() -> arrow::Status {
    return parquet::arrow::FileWriter::Open(
               *schema_, arrow::default_memory_pool(), out_,
               FileProperties(*schema_, *table_schema_, options_,
                              first.empty() ? nullptr : first.front().get()))
        .Value(&writer_);
  });
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
  RETURN_IF_ERROR(Open(rows));
  RETURN_IF_ERROR(Run([&]() -> arrow::Status {
    Rows dated;
    for (const auto& batch : rows) {
      arrow::ArrayVector columns = batch->columns();
      if (schema_->num_fields() > batch->num_columns()) {
        ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), Repeat(day_, batch->num_rows()));
      }
      dated.push_back(arrow::RecordBatch::Make(schema_, batch->num_rows(), std::move(columns)));
    }
    ARROW_ASSIGN_OR_RAISE(auto table, arrow::Table::FromRecordBatches(schema_, dated));
    return writer_->WriteTable(*table, kRowGroupRows);
  }));
  for (const auto& batch : rows) {
    row_count_ += batch->num_rows();
    for (int c = 0; c < batch->num_columns(); ++c) Count(c, *batch->column(c));
  }
  return absl::OkStatus();
}

absl::Status DataFileWriter::WriteColumns(int64_t rows, const ColumnSource& column) {
  RETURN_IF_ERROR(Open({}));
  RETURN_IF_ERROR(Run([&] { return writer_->NewRowGroup(); }));
  const int given = static_cast<int>(null_counts_.size());
  for (int c = 0; c < given; ++c) {
    ASSIGN_OR_RETURN(std::shared_ptr<arrow::Array> values, column(c));
    RETURN_IF_ERROR(Run([&] { return writer_->WriteColumnChunk(*values); }));
    Count(c, *values);
  }
  row_count_ += rows;
  if (schema_->num_fields() == given) return absl::OkStatus();
  return Run([&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(auto dates, Repeat(day_, rows));
    return writer_->WriteColumnChunk(*dates);
  });
}

void DataFileWriter::Count(int index, const arrow::Array& values) {
  null_counts_[index] += values.null_count();
  key_hashes_.Take(index, values);
  effective_times_.Take(index, values);
}

absl::StatusOr<AddAction> DataFileWriter::Finish(int64_t now_us) {
  RETURN_IF_ERROR(Open({}));
  RETURN_IF_ERROR(Run([&] { return writer_->Close(); }));
  RETURN_IF_ERROR(object_->Finish());
  return AddAction{.path = path_,
                   .partition_values = {{"date", date_}},
                   .size = out_->size(),
                   .modified_ms = now_us / 1000,
                   .stats = Statistics(),
                   .tags = Tags()};
}

int64_t DataFileWriter::size() const { return out_->size(); }

// Rows and nulls, but no least and greatest values: a reader (delta-rs 1.6, as an Arrow dataset)
// takes a column that lacks them beside others that have them for one without values, and skips the
// file.
std::string DataFileWriter::Statistics() const {
  Json nulls = Json::object();
  for (size_t c = 0; c < null_counts_.size(); ++c)
    nulls[schema_->field(c)->name()] = null_counts_[c];
  return Json{{"numRecords", row_count_}, {"nullCount", nulls}}.dump();
}

StringMap DataFileWriter::Tags() const {
  StringMap tags = {{kStageTag, std::to_string(static_cast<int>(options_.stage))}};
  if (!options_.run.empty()) {
    tags[kRunTag] = options_.run;
    tags[kPartTag] = std::to_string(options_.part);
  }
  if (key_hashes_.column >= 0) {
    tags[kKeyHashMinTag] = std::to_string(key_hashes_.least);
    tags[kKeyHashMaxTag] = std::to_string(key_hashes_.greatest);
  }
  if (effective_times_.column >= 0) {
    tags[kEffectiveMinTag] = std::to_string(effective_times_.least);
    tags[kEffectiveMaxTag] = std::to_string(effective_times_.greatest);
  }
  return tags;
}

}  // namespace forebay
