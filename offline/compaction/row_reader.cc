#include "offline/compaction/row_reader.h"

#include <arrow/api.h>
#include <parquet/arrow/reader.h>

#include <numeric>
#include <utility>
#include <vector>

#include "offline/delta/arrow_file.h"
#include "offline/delta/table_column.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

arrow::Result<std::shared_ptr<arrow::Array>> Conform(const std::shared_ptr<arrow::Array>& column,
                                                     const arrow::Field& wanted, int64_t rows) {
  if (column == nullptr) {
    if (!wanted.nullable()) return arrow::Status::Invalid("column ", wanted.name(), " is missing");
    return arrow::MakeArrayOfNull(wanted.type(), rows);
  }
  if (column->null_count() > 0 && !wanted.nullable())
    return arrow::Status::Invalid("column ", wanted.name(), " has nulls");
  return AsTableColumn(column, wanted);
}

}  // namespace

RowReader::~RowReader() = default;

template <typename T, typename Step>
absl::StatusOr<T> RowReader::Run(Step step) {
  std::string what;
  try {
    arrow::Result<T> result = step();
    if (result.ok()) return *std::move(result);
    what = result.status().message();
  } catch (const std::exception& e) {
    what = e.what();
  }
  return UnusableDataFile(*store_, table_, data_file_, what);
}

absl::StatusOr<std::unique_ptr<RowReader>> RowReader::Open(const ObjectStore& store,
                                                           const std::string& table,
                                                           const std::string& data_file,
                                                           std::shared_ptr<arrow::Schema> schema,
                                                           int64_t batch_rows) {
  std::unique_ptr<RowReader> reader(new RowReader);
  reader->store_ = &store;
  reader->table_ = table;
  reader->data_file_ = data_file;
  reader->schema_ = std::move(schema);
  absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> file =
      OpenDataFile(store, table, data_file);
  if (!file.ok() && !absl::IsNotFound(file.status())) return file.status();
  auto opened = reader->Run<bool>([&]() -> arrow::Result<bool> {
    if (!file.ok()) return arrow::Status::IOError("it is missing");
    ARROW_ASSIGN_OR_RAISE(reader->file_, OpenParquet(*std::move(file)));
    reader->file_->set_batch_size(batch_rows);
    std::shared_ptr<arrow::Schema> of_file;
    ARROW_RETURN_NOT_OK(reader->file_->GetSchema(&of_file));
    std::vector<int> columns;
    for (const auto& field : reader->schema_->fields()) {
      int index = of_file->GetFieldIndex(field->name());
      if (index >= 0) columns.push_back(index);
    }
    std::vector<int> row_groups(reader->file_->num_row_groups());
    std::iota(row_groups.begin(), row_groups.end(), 0);
    ARROW_ASSIGN_OR_RAISE(reader->batches_,
                          reader->file_->GetRecordBatchReader(row_groups, columns));
    return true;
  });
  RETURN_IF_ERROR(opened.status());
  return reader;
}

absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> RowReader::Next() {
  using Batch = std::shared_ptr<arrow::RecordBatch>;
  return Run<Batch>([&]() -> arrow::Result<Batch> {
    Batch read;
    ARROW_RETURN_NOT_OK(batches_->ReadNext(&read));
    if (read == nullptr) return read;
    arrow::ArrayVector columns;
    for (const auto& field : schema_->fields()) {
      ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), Conform(read->GetColumnByName(field->name()),
                                                            *field, read->num_rows()));
    }
    return arrow::RecordBatch::Make(schema_, read->num_rows(), std::move(columns));
  });
}

}  // namespace forebay
