#include "offline/training_set/row_file.h"

#include <arrow/api.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/statistics.h>

#include <exception>

#include "offline/delta/arrow_file.h"
#include "offline/delta/table_column.h"
#include "offline/delta/table_version.h"
#include "offline/parquet/flat_column.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Times without a zone are in UTC.
bool IsSame(const arrow::DataType& a, const arrow::DataType& b) {
  if (a.id() != arrow::Type::TIMESTAMP || b.id() != arrow::Type::TIMESTAMP) return a.Equals(b);
  return static_cast<const arrow::TimestampType&>(a).unit() ==
         static_cast<const arrow::TimestampType&>(b).unit();
}

}  // namespace

arrow::Result<std::unique_ptr<RowFile>> RowFile::Open(
    std::shared_ptr<arrow::io::RandomAccessFile> file, std::shared_ptr<const arrow::Schema> table) {
  std::unique_ptr<RowFile> opened(new RowFile());
  opened->table_ = std::move(table);
  ARROW_ASSIGN_OR_RAISE(opened->reader_, OpenParquet(std::move(file)));
  ARROW_RETURN_NOT_OK(opened->reader_->GetSchema(&opened->schema_));
  return opened;
}

RowFile::~RowFile() = default;

int RowFile::groups() const { return reader_->num_row_groups(); }

int64_t RowFile::RowsOf(int group) const {
  return reader_->parquet_reader()->metadata()->RowGroup(group)->num_rows();
}

int RowFile::FieldOf(const std::string& column) const { return schema_->GetFieldIndex(column); }

int RowFile::LeafOf(int field) const {
  const auto& leaf = reader_->manifest().schema_fields[field];
  return leaf.is_leaf() ? leaf.column_index : -1;
}

std::optional<std::pair<int64_t, int64_t>> RowFile::BoundsOf(int group,
                                                             const std::string& column) const {
  const int field = FieldOf(column);
  const int leaf = field < 0 ? -1 : LeafOf(field);
  if (leaf < 0) return std::nullopt;
  const arrow::DataType& type = *schema_->field(field)->type();
  if (type.id() != arrow::Type::INT64 && !IsSame(type, *arrow::timestamp(arrow::TimeUnit::MICRO)))
    return std::nullopt;
  auto chunk = reader_->parquet_reader()->metadata()->RowGroup(group)->ColumnChunk(leaf);
  if (!chunk->is_stats_set() || chunk->type() != parquet::Type::INT64) return std::nullopt;
  auto statistics = std::dynamic_pointer_cast<parquet::Int64Statistics>(chunk->statistics());
  if (statistics == nullptr || !statistics->HasMinMax()) return std::nullopt;
  return std::make_pair(statistics->min(), statistics->max());
}

int64_t RowFile::BytesOf(int group, const std::string& column) const {
  const int field = FieldOf(column);
  if (field < 0) return 0;
  // Of a nested column all leaves.
  int64_t bytes = 0;
  auto chunks = reader_->parquet_reader()->metadata()->RowGroup(group);
  std::vector<const parquet::arrow::SchemaField*> open = {
      &reader_->manifest().schema_fields[field]};
  while (!open.empty()) {
    const parquet::arrow::SchemaField* next = open.back();
    open.pop_back();
    if (next->is_leaf()) bytes += chunks->ColumnChunk(next->column_index)->total_compressed_size();
    for (const auto& child : next->children) open.push_back(&child);
  }
  return bytes;
}

int64_t RowFile::BytesOf(int group) const {
  auto chunks = reader_->parquet_reader()->metadata()->RowGroup(group);
  int64_t bytes = 0;
  for (int i = 0; i < chunks->num_columns(); ++i)
    bytes += chunks->ColumnChunk(i)->total_compressed_size();
  return bytes;
}

std::unique_ptr<FlatColumn> RowFile::Flat(int group, const std::string& column,
                                          const arrow::DataType& type) const {
  const int field = FieldOf(column);
  if (field < 0 || !IsSame(*schema_->field(field)->type(), type)) return nullptr;
  auto in_table = table_->GetFieldByName(column);
  if (in_table != nullptr && !IsSame(*in_table->type(), type)) return nullptr;
  const int leaf = LeafOf(field);
  if (leaf < 0) return nullptr;
  parquet::ParquetFileReader* file = reader_->parquet_reader();
  if (!FlatColumn::Takes(*file->metadata()->schema()->Column(leaf))) return nullptr;
  return std::make_unique<FlatColumn>(file->RowGroup(group), leaf);
}

arrow::Result<std::shared_ptr<arrow::Array>> RowFile::Read(int group,
                                                           const std::string& column) const {
  const int field = FieldOf(column);
  if (field < 0) return nullptr;
  std::shared_ptr<arrow::ChunkedArray> chunks;
  ARROW_RETURN_NOT_OK(reader_->RowGroup(group)->Column(field)->Read(&chunks));
  std::shared_ptr<arrow::Array> values;
  if (chunks->num_chunks() == 1) {
    values = chunks->chunk(0);
  } else {
    ARROW_ASSIGN_OR_RAISE(values, arrow::Concatenate(chunks->chunks()));
  }
  auto in_table = table_->GetFieldByName(column);
  return in_table == nullptr ? values : AsTableColumn(values, *in_table);
}

int64_t RowPart::rows() const { return file != nullptr ? file->RowsOf(group) : batch->num_rows(); }

std::optional<std::pair<int64_t, int64_t>> RowPart::BoundsOf(const std::string& column) const {
  return file != nullptr ? file->BoundsOf(group, column) : std::nullopt;
}

std::unique_ptr<FlatColumn> RowPart::Flat(const std::string& column,
                                          const arrow::DataType& type) const {
  return file != nullptr ? file->Flat(group, column, type) : nullptr;
}

arrow::Result<std::shared_ptr<arrow::Array>> RowPart::Read(const std::string& column) const {
  if (file != nullptr) return file->Read(group, column);
  return batch->GetColumnByName(column);
}

absl::Status ReadGroups(const ObjectStore& store, const std::string& table,
                        const Snapshot& snapshot, const std::string& path,
                        absl::FunctionRef<arrow::Status(const RowFile& file, int group)> read) {
  std::string what;
  try {
    auto bytes = OpenDataFile(store, table, path);
    if (absl::IsNotFound(bytes.status())) return ExplainMissingFile(store, table, snapshot, path);
    RETURN_IF_ERROR(bytes.status());
    auto file = RowFile::Open(*std::move(bytes), snapshot.schema);
    arrow::Status status = file.status();
    for (int group = 0; status.ok() && group < (*file)->groups(); ++group)
      status = read(**file, group);
    if (status.ok()) return absl::OkStatus();
    what = status.message();
  } catch (const std::exception& e) {
    what = e.what();
  }
  return UnusableDataFile(store, table, path, what);
}

}  // namespace forebay
