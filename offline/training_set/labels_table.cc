#include "offline/training_set/labels_table.h"

#include <arrow/api.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>

#include "offline/delta/arrow_file.h"
#include "offline/delta/table_column.h"
#include "offline/delta/table_version.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/store_uri.h"

namespace forebay {
namespace {

// A value of a partition column, which is in the log alone, for each of `rows`.
arrow::Result<std::shared_ptr<arrow::Array>> Repeated(const AddAction& file,
                                                      const arrow::Field& column, int64_t rows) {
  auto value = file.partition_values.find(column.name());
  if (value == file.partition_values.end() || value->second.empty())
    return arrow::MakeArrayOfNull(column.type(), rows);
  ARROW_ASSIGN_OR_RAISE(auto scalar, arrow::Scalar::Parse(column.type(), value->second));
  return arrow::MakeArrayFromScalar(*scalar, rows);
}

arrow::Result<std::shared_ptr<arrow::Table>> ReadRows(
    std::shared_ptr<arrow::io::RandomAccessFile> bytes, const Snapshot& snapshot,
    const AddAction& file) {
  ARROW_ASSIGN_OR_RAISE(auto reader, OpenParquet(std::move(bytes)));
  ARROW_ASSIGN_OR_RAISE(auto rows, reader->ReadTable());
  std::vector<std::shared_ptr<arrow::ChunkedArray>> columns;
  for (const auto& column : snapshot.schema->fields()) {
    auto values = rows->GetColumnByName(column->name());
    if (values == nullptr) {
      ARROW_ASSIGN_OR_RAISE(auto repeated, Repeated(file, *column, rows->num_rows()));
      columns.push_back(std::make_shared<arrow::ChunkedArray>(std::move(repeated)));
      continue;
    }
    arrow::ArrayVector chunks;
    for (const auto& chunk : values->chunks()) {
      ARROW_ASSIGN_OR_RAISE(chunks.emplace_back(), AsTableColumn(chunk, *column));
    }
    columns.push_back(std::make_shared<arrow::ChunkedArray>(std::move(chunks), column->type()));
  }
  return arrow::Table::Make(snapshot.schema, std::move(columns), rows->num_rows());
}

absl::StatusOr<std::shared_ptr<arrow::Table>> ReadDataFile(const ObjectStore& store,
                                                           const std::string& table,
                                                           const Snapshot& snapshot,
                                                           const AddAction& file) {
  std::string what;
  try {
    auto bytes = OpenDataFile(store, table, file.path);
    if (absl::IsNotFound(bytes.status()))
      return ExplainMissingFile(store, table, snapshot, file.path);
    RETURN_IF_ERROR(bytes.status());
    auto rows = ReadRows(*std::move(bytes), snapshot, file);
    if (rows.ok()) return *std::move(rows);
    what = rows.status().message();
  } catch (const std::exception& e) {
    what = e.what();
  }
  return UnusableDataFile(store, table, file.path, what);
}

}  // namespace

absl::StatusOr<LabelsInput> ReadLabelsTable(const LabelsSource& source) {
  absl::StatusOr<StoreUri> uri = StoreUri::Parse(source.path);
  if (!uri.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("labels {}: expected {}", source.path, std::string(uri.status().message())));
  }
  // The store's root is the folder above the table.
  std::string table = uri->path;
  const size_t slash = table.rfind('/');
  if (uri->is_file() && slash != 0) {
    uri->path = slash == std::string::npos ? "." : table.substr(0, slash);
    table.erase(0, slash == std::string::npos ? 0 : slash + 1);
  } else {
    uri->path = uri->is_file() ? "/" : "";
    if (uri->is_file()) table.erase(0, 1);
  }
  const std::shared_ptr<ObjectStore> store = OpenObjectStore(*uri, source.s3);
  ASSIGN_OR_RETURN(Snapshot snapshot,
                   LoadSnapshotAt(*store, table, TableVersion{.number = source.version}));
  LabelsInput input{.name = source.path};
  std::vector<std::shared_ptr<arrow::Table>> tables;
  for (const auto& [path, file] : snapshot.files) {
    ASSIGN_OR_RETURN(auto rows, ReadDataFile(*store, table, snapshot, file));
    tables.push_back(std::move(rows));
  }
  auto all =
      tables.empty() ? arrow::Table::MakeEmpty(snapshot.schema) : arrow::ConcatenateTables(tables);
  if (!all.ok()) return absl::InternalError(all.status().ToString());
  input.table = (*all)->ReplaceSchemaMetadata(nullptr);
  input.files.push_back(
      {.path = source.path, .version = snapshot.version, .table_id = snapshot.metadata.id});
  return input;
}

}  // namespace forebay
