#include "offline/training_set/output_file.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <fmt/format.h>
#include <parquet/arrow/writer.h>

#include <cstdio>
#include <memory>

#include "offline/delta/number_encoding.h"
#include "offline/training_set/cell_value.h"

namespace forebay {
namespace {

using Column = std::shared_ptr<arrow::ChunkedArray>;

bool IsNanoseconds(const arrow::DataType& type) {
  return type.id() == arrow::Type::TIMESTAMP &&
         static_cast<const arrow::TimestampType&>(type).unit() == arrow::TimeUnit::NANO;
}

bool IsWholeMicroseconds(const arrow::ChunkedArray& nanoseconds) {
  for (const auto& chunk : nanoseconds.chunks()) {
    const auto& times = static_cast<const arrow::TimestampArray&>(*chunk);
    for (int64_t row = 0; row < times.length(); ++row) {
      if (times.IsValid(row) && times.Value(row) % 1000 != 0) return false;
    }
  }
  return true;
}

arrow::Result<Column> ToMicroseconds(const arrow::ChunkedArray& nanoseconds) {
  const auto& zone = static_cast<const arrow::TimestampType&>(*nanoseconds.type()).timezone();
  arrow::TimestampBuilder builder(arrow::timestamp(arrow::TimeUnit::MICRO, zone),
                                  arrow::default_memory_pool());
  ARROW_RETURN_NOT_OK(builder.Reserve(nanoseconds.length()));
  for (const auto& chunk : nanoseconds.chunks()) {
    for (int64_t row = 0; row < chunk->length(); ++row) {
      if (chunk->IsNull(row)) {
        builder.UnsafeAppendNull();
      } else {
        builder.UnsafeAppend(IntegerAt(*chunk, row));
      }
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto array, builder.Finish());
  return std::make_shared<arrow::ChunkedArray>(array);
}

// As every reader takes it: Spark 4.2 refuses nanoseconds.
arrow::Result<std::shared_ptr<arrow::Table>> Compatible(std::shared_ptr<arrow::Table> table,
                                                        std::vector<std::string>* warnings) {
  for (int c = 0; c < table->num_columns(); ++c) {
    const auto& field = table->field(c);
    if (!IsNanoseconds(*field->type())) continue;
    if (!IsWholeMicroseconds(*table->column(c))) {
      warnings->push_back(fmt::format(
          "column '{}' of the labels has times between two microseconds: it stays in nanoseconds, "
          "which Spark does not read",
          field->name()));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(Column column, ToMicroseconds(*table->column(c)));
    ARROW_ASSIGN_OR_RAISE(table, table->SetColumn(c, field->WithType(column->type()), column));
  }
  return table;
}

arrow::Status WriteParquet(std::shared_ptr<arrow::Table> table, ParquetEncoding encoding,
                           const std::string& path, std::vector<std::string>* warnings) {
  if (encoding == ParquetEncoding::kCompatible) {
    ARROW_ASSIGN_OR_RAISE(table, Compatible(std::move(table), warnings));
  }
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::FileOutputStream::Open(path));
  parquet::WriterProperties::Builder builder;
  builder.compression(arrow::Compression::ZSTD)->compression_level(1)->enable_page_checksum();
  for (const auto& field : table->schema()->fields()) EncodeNumbers(*field, encoding, &builder);
  auto properties = builder.build();
  auto arrow_properties =
      parquet::ArrowWriterProperties::Builder().store_schema()->set_use_threads(true)->build();
  ARROW_ASSIGN_OR_RAISE(
      auto writer, parquet::arrow::FileWriter::Open(*table->schema(), arrow::default_memory_pool(),
                                                    file, properties, arrow_properties));
  arrow::TableBatchReader batches(*table);
  batches.set_chunksize(128 * 1024);
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(batches.ReadNext(&batch));
    if (batch == nullptr) break;
    ARROW_RETURN_NOT_OK(writer->NewBufferedRowGroup());
    ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(*batch));
  }
  ARROW_RETURN_NOT_OK(writer->Close());
  return file->Close();
}

}  // namespace

absl::Status WriteOutputFile(std::shared_ptr<arrow::Table> table, ParquetEncoding encoding,
                             const std::string& path, std::vector<std::string>* warnings) {
  std::string partial = path + ".partial";
  std::string what;
  try {
    arrow::Status status = WriteParquet(std::move(table), encoding, partial, warnings);
    if (status.ok() && std::rename(partial.c_str(), path.c_str()) == 0) return absl::OkStatus();
    what = status.ok() ? "it cannot be renamed from " + partial : status.message();
  } catch (const std::exception& e) {
    what = e.what();
  }
  std::remove(partial.c_str());
  return absl::FailedPreconditionError(
      fmt::format("cannot write the training set {}: {}", path, what));
}

}  // namespace forebay
