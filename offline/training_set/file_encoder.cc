#include "offline/training_set/file_encoder.h"

#include <arrow/api.h>
#include <parquet/arrow/writer.h>

#include "offline/delta/data_file.h"
#include "offline/delta/number_encoding.h"
#include "offline/row_text.h"

namespace forebay {
namespace {

arrow::Compression::type CodecOf(OutputCompression compression) {
  switch (compression) {
    case OutputCompression::kSnappy:
      return arrow::Compression::SNAPPY;
    case OutputCompression::kZstd:
      return arrow::Compression::ZSTD;
    case OutputCompression::kNone:
      break;
  }
  return arrow::Compression::UNCOMPRESSED;
}

arrow::Result<std::unique_ptr<parquet::arrow::FileWriter>> OpenParquetFile(
    const arrow::Schema& schema, ParquetLayout layout, arrow::internal::Executor* executor,
    std::shared_ptr<arrow::io::OutputStream> out) {
  parquet::WriterProperties::Builder builder;
  builder.compression(CodecOf(layout.compression));  // no checksums: a manifest has the file's
  if (layout.compression == OutputCompression::kZstd) builder.compression_level(1);
  builder.max_row_group_length(kRowGroupRows);
  for (const auto& field : schema.fields()) EncodeNumbers(*field, layout.encoding, &builder);
  parquet::ArrowWriterProperties::Builder arrow_properties;
  arrow_properties.store_schema()->set_use_threads(true);
  if (executor != nullptr) arrow_properties.set_executor(executor);
  return parquet::arrow::FileWriter::Open(schema, arrow::default_memory_pool(), std::move(out),
                                          builder.build(), arrow_properties.build());
}

std::string CsvHeader(const arrow::Schema& schema) {
  std::string header;
  for (const auto& field : schema.fields()) {
    if (!header.empty()) header += ',';
    AppendCsvText(field->name(), &header);
  }
  return header + "\n";
}

}  // namespace

arrow::Result<std::unique_ptr<FileEncoder>> FileEncoder::Open(
    std::shared_ptr<arrow::io::OutputStream> out, std::shared_ptr<arrow::Schema> schema,
    OutputFormat format, ParquetLayout layout, arrow::internal::Executor* executor) {
  std::unique_ptr<FileEncoder> file(new FileEncoder);
  file->out_ = std::make_shared<HashedOutput>(std::move(out));
  file->null_counts_.resize(schema->num_fields());
  if (format == OutputFormat::kCsv) {
    const std::string header = CsvHeader(*schema);
    ARROW_RETURN_NOT_OK(file->out_->Write(header.data(), std::ssize(header)));
  } else {
    ARROW_ASSIGN_OR_RAISE(file->parquet_, OpenParquetFile(*schema, layout, executor, file->out_));
  }
  file->schema_ = std::move(schema);
  return file;
}

FileEncoder::~FileEncoder() = default;

arrow::Status FileEncoder::Write(std::shared_ptr<arrow::Table> rows) {
  rows_ += rows->num_rows();
  for (int c = 0; c < rows->num_columns(); ++c) null_counts_[c] += rows->column(c)->null_count();
  if (parquet_ == nullptr) return WriteCsv(*rows);
  while (waiting_rows_ + rows->num_rows() >= kRowGroupRows) {
    const int64_t missing = kRowGroupRows - waiting_rows_;
    waiting_.push_back(rows->Slice(0, missing));
    rows = rows->Slice(missing);
    ARROW_ASSIGN_OR_RAISE(auto group, arrow::ConcatenateTables(waiting_));
    waiting_.clear();
    waiting_rows_ = 0;
    ARROW_RETURN_NOT_OK(WriteGroup(std::move(group)));
  }
  if (rows->num_rows() == 0) return arrow::Status::OK();
  waiting_rows_ += rows->num_rows();
  waiting_.push_back(std::move(rows));
  return arrow::Status::OK();
}

// Pages end where chunks do, so that a column is to be one.
arrow::Status FileEncoder::WriteGroup(std::shared_ptr<arrow::Table> rows) {
  ARROW_ASSIGN_OR_RAISE(auto batch, rows->CombineChunksToBatch());
  ARROW_RETURN_NOT_OK(parquet_->NewBufferedRowGroup());
  return parquet_->WriteRecordBatch(*batch);
}

arrow::Status FileEncoder::WriteCsv(const arrow::Table& rows) {
  arrow::TableBatchReader batches(rows);
  batches.set_chunksize(1024);
  std::string text;
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(batches.ReadNext(&batch));
    if (batch == nullptr) return arrow::Status::OK();
    text.clear();
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      for (int c = 0; c < batch->num_columns(); ++c) {
        if (c > 0) text += ',';
        AppendCsvCell(*batch->column(c), row, &text);
      }
      text += '\n';
    }
    ARROW_RETURN_NOT_OK(out_->Write(text.data(), std::ssize(text)));
  }
}

arrow::Status FileEncoder::Finish() {
  if (parquet_ != nullptr) {
    // A file without rows has a row group all the same.
    if (waiting_.empty() && rows_ == 0) {
      ARROW_ASSIGN_OR_RAISE(auto empty, arrow::Table::MakeEmpty(schema_));
      waiting_.push_back(std::move(empty));
    }
    if (!waiting_.empty()) {
      ARROW_ASSIGN_OR_RAISE(auto group, arrow::ConcatenateTables(waiting_));
      waiting_.clear();
      ARROW_RETURN_NOT_OK(WriteGroup(std::move(group)));
    }
    ARROW_RETURN_NOT_OK(parquet_->Close());
  }
  return out_->Close();
}

}  // namespace forebay
