#include "connectors/file/event_file.h"

#include <arrow/api.h>
#include <arrow/csv/api.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>
#include <parquet/statistics.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "connectors/file/event_column.h"
#include "connectors/file/object_file.h"
#include "engine/batch/event_batch.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int64_t kBatchRows = 1 << 15;
constexpr int32_t kCsvBlock = 1 << 20;

absl::Status InFile(const std::string& file, const absl::Status& status) {
  return absl::Status(status.code(),
                      fmt::format("file {}: {}", file, std::string(status.message())));
}

absl::Status Unreadable(const std::string& file, const arrow::Status& status) {
  return absl::DataLossError(fmt::format(
      "file {} cannot be read: {}. Put it back whole, or take it away", file, status.message()));
}

absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenUnchanged(const BatchFiles& files,
                                                                           size_t index) {
  auto file = OpenArrowFile(files.store, files.files[index].path);
  if (absl::IsNotFound(file.status())) {
    return absl::FailedPreconditionError(fmt::format(
        "file {} is gone since the files were listed: let them stand still, and start again",
        files.Describe(index)));
  }
  RETURN_IF_ERROR(file.status());
  int64_t size = (*file)->GetSize().ValueOr(-1);
  if (size == files.files[index].size) return file;
  return absl::FailedPreconditionError(
      fmt::format("file {} has {} bytes, and had {} when the files were listed: let them stand "
                  "still, and start again",
                  files.Describe(index), size, files.files[index].size));
}

// By name: what all rows of a file have.
using Constants = std::map<std::string, std::shared_ptr<arrow::Scalar>>;

// What Hive, and some writers of Delta tables, put for null.
constexpr std::string_view kHiveNull = "__HIVE_DEFAULT_PARTITION__";

absl::StatusOr<Constants> ConstantsOf(const BatchFiles& files, size_t index) {
  Constants constants;
  if (files.partition_columns == nullptr) return constants;
  const std::map<std::string, std::string>& values = files.files[index].partition_values;
  for (const auto& field : files.partition_columns->fields()) {
    auto value = values.find(field->name());
    if (value == values.end() || value->second.empty() || value->second == kHiveNull) {
      constants[field->name()] = arrow::MakeNullScalar(field->type());
      continue;
    }
    auto scalar = arrow::Scalar::Parse(field->type(), value->second);
    if (!scalar.ok()) {
      return absl::InvalidArgumentError(fmt::format(
          "file {}: its partition column '{}' has the value '{}', which is no {}",
          files.Describe(index), field->name(), value->second, field->type()->ToString()));
    }
    constants[field->name()] = *std::move(scalar);
  }
  return constants;
}

// The columns of a batch as those of events.
class RowReader {
 public:
  RowReader(std::string file, const EventFileColumns& columns, Constants constants)
      : file_(std::move(file)), columns_(columns), constants_(std::move(constants)) {}

  const std::string& file() const { return file_; }
  const Constants& constants() const { return constants_; }

  absl::StatusOr<FileRows> Read(const arrow::RecordBatch& batch) {
    FileRows rows{.first_row = next_row_};
    arrow::ArrayVector arrays;
    for (const v1::Field& field : columns_.fields()) {
      std::shared_ptr<arrow::Array> column = batch.GetColumnByName(field.name());
      if (auto constant = constants_.find(field.name()); constant != constants_.end()) {
        auto repeated = arrow::MakeArrayFromScalar(*constant->second, batch.num_rows());
        if (!repeated.ok()) return InFile(file_, absl::InternalError(repeated.status().message()));
        column = *std::move(repeated);
      }
      auto array = ToEventColumn(field, column, next_row_);
      if (!array.ok()) return InFile(file_, array.status());
      arrays.push_back(*std::move(array));
    }
    auto times = [&](size_t field) {
      return std::static_pointer_cast<arrow::TimestampArray>(arrays[field]);
    };
    rows.event_times = times(columns_.event_time());
    rows.known_times = times(columns_.known_time());
    arrays.resize(columns_.schema()->num_fields());
    rows.columns = arrow::RecordBatch::Make(columns_.schema(), batch.num_rows(), std::move(arrays));
    next_row_ += batch.num_rows();
    return rows;
  }

  int64_t rows_read() const { return next_row_; }

 private:
  const std::string file_;
  const EventFileColumns& columns_;
  const Constants constants_;
  int64_t next_row_ = 0;
};

// Every column that is read must be there, once; those declared and not read have their types, too,
// if they are there.
absl::Status CheckSchema(const EventFileColumns& columns, const arrow::Schema& schema) {
  for (const v1::Field& field : columns.fields()) {
    const size_t count = schema.GetAllFieldIndices(field.name()).size();
    if (count == 1) {
      RETURN_IF_ERROR(CheckColumnType(field, *schema.GetFieldByName(field.name())->type()));
      continue;
    }
    return absl::InvalidArgumentError(fmt::format(
        "source {} needs {} '{}', and {}{}", columns.source().name(),
        count == 0 ? "column" : "one column", field.name(),
        count == 0 ? "there is none" : fmt::format("there are {}", count),
        count == 0 ? definition::AllowedNames(field.name(), schema.field_names(), "columns") : ""));
  }
  for (const v1::Field& field : columns.source().schema()) {
    auto found = schema.GetFieldByName(field.name());
    if (found != nullptr) RETURN_IF_ERROR(CheckColumnType(field, *found->type()));
  }
  return absl::OkStatus();
}

class ParquetEvents final : public EventFile {
 public:
  ParquetEvents(std::string file, const EventFileColumns& columns, Constants constants)
      : rows_(std::move(file), columns, std::move(constants)) {}

  absl::Status Open(std::shared_ptr<arrow::io::RandomAccessFile> file,
                    const EventFileColumns& columns) {
    auto reader = OpenParquet(std::move(file));
    if (!reader.ok()) return Unreadable(rows_.file(), reader.status());
    reader_ = *std::move(reader);
    std::shared_ptr<arrow::Schema> schema;
    arrow::Status read = reader_->GetSchema(&schema);
    if (!read.ok()) return Unreadable(rows_.file(), read);
    absl::Status fits = CheckSchema(columns, *WithConstants(*schema));
    if (!fits.ok()) return InFile(rows_.file(), fits);
    std::vector<int> groups(reader_->num_row_groups()), leaves;
    for (size_t i = 0; i < groups.size(); ++i) groups[i] = static_cast<int>(i);
    for (const v1::Field& field : columns.fields()) {
      if (rows_.constants().contains(field.name())) continue;
      const int index = schema->GetFieldIndex(field.name());
      leaves.push_back(reader_->manifest().schema_fields[index].column_index);
    }
    std::sort(leaves.begin(), leaves.end());
    reader_->set_batch_size(kBatchRows);
    auto batches = reader_->GetRecordBatchReader(groups, leaves);
    if (!batches.ok()) return Unreadable(rows_.file(), batches.status());
    batches_ = *std::move(batches);
    return absl::OkStatus();
  }

  // INT64 min of the known times over the row groups.
  std::optional<int64_t> LeastKnownTime(const EventFileColumns& columns) const {
    const v1::Field& field = columns.fields()[columns.known_time()];
    if (rows_.constants().contains(field.name())) return std::nullopt;
    std::shared_ptr<arrow::Schema> schema;
    if (!reader_->GetSchema(&schema).ok()) return std::nullopt;
    const int index = schema->GetFieldIndex(field.name());
    const auto& type = *schema->field(index)->type();
    if (type.id() != arrow::Type::TIMESTAMP && type.id() != arrow::Type::INT64) return std::nullopt;
    const int leaf = reader_->manifest().schema_fields[index].column_index;
    const auto metadata = reader_->parquet_reader()->metadata();
    std::optional<int64_t> least;
    for (int group = 0; group < metadata->num_row_groups(); ++group) {
      if (metadata->RowGroup(group)->num_rows() == 0) continue;
      const auto chunk = metadata->RowGroup(group)->ColumnChunk(leaf);
      const auto statistics = chunk->is_stats_set() ? chunk->statistics() : nullptr;
      const bool known = statistics != nullptr && statistics->HasMinMax() &&
                         statistics->physical_type() == parquet::Type::INT64;
      if (!known) return std::nullopt;
      const int64_t min = static_cast<const parquet::Int64Statistics&>(*statistics).min();
      const int64_t time = ToEventTime(field, type, min);
      least = std::min(least.value_or(time), time);
    }
    return least;
  }

  absl::StatusOr<std::optional<FileRows>> Next() override {
    std::shared_ptr<arrow::RecordBatch> batch;
    arrow::Status read = batches_->ReadNext(&batch);
    if (!read.ok()) return Unreadable(rows_.file(), read);
    if (batch == nullptr) return std::nullopt;
    ASSIGN_OR_RETURN(FileRows rows, rows_.Read(*batch));
    return rows;
  }

  double Progress() const override {
    const int64_t all = reader_->parquet_reader()->metadata()->num_rows();
    return all == 0 ? 1 : static_cast<double>(rows_.rows_read()) / static_cast<double>(all);
  }

 private:
  // What a file has of a partition column is passed over.
  std::shared_ptr<arrow::Schema> WithConstants(const arrow::Schema& schema) const {
    arrow::FieldVector fields;
    for (const auto& field : schema.fields()) {
      if (!rows_.constants().contains(field->name())) fields.push_back(field);
    }
    for (const auto& [name, value] : rows_.constants())
      fields.push_back(arrow::field(name, value->type));
    return arrow::schema(std::move(fields));
  }

  RowReader rows_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
};

std::shared_ptr<arrow::DataType> CsvType(const v1::Field& field) {
  switch (field.type()) {
    case v1::BOOL:
      return arrow::boolean();
    case v1::INT64:
      return arrow::int64();
    case v1::DOUBLE:
      return arrow::float64();
    case v1::BYTES:
      return arrow::binary();
    case v1::TIMESTAMP:
      return field.time_encoding() == v1::RFC3339 ? arrow::utf8() : arrow::int64();
    default:
      return arrow::utf8();
  }
}

class CsvEvents final : public EventFile {
 public:
  CsvEvents(std::string file, const EventFileColumns& columns, Constants constants)
      : rows_(std::move(file), columns, std::move(constants)) {}

  absl::Status Open(const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                    const EventFileColumns& columns) {
    size_ = file->GetSize().ValueOr(0);
    auto read = arrow::csv::ReadOptions::Defaults();
    read.use_threads = false;
    read.block_size = kCsvBlock;
    auto parse = arrow::csv::ParseOptions::Defaults();
    parse.newlines_in_values = true;
    auto convert = arrow::csv::ConvertOptions::Defaults();
    // Text is what is there: only an empty field without quotes is null.
    convert.null_values = {""};
    convert.strings_can_be_null = true;
    convert.quoted_strings_can_be_null = false;
    for (const v1::Field& field : columns.fields()) {
      convert.include_columns.push_back(field.name());
      convert.column_types[field.name()] = CsvType(field);
    }
    auto reader = arrow::csv::StreamingReader::Make(arrow::io::default_io_context(), file, read,
                                                    parse, convert);
    if (!reader.ok()) return Wrong(reader.status());
    reader_ = *std::move(reader);
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<FileRows>> Next() override {
    std::shared_ptr<arrow::RecordBatch> batch;
    arrow::Status read = reader_->ReadNext(&batch);
    if (!read.ok()) return Wrong(read);
    if (batch == nullptr) return std::nullopt;
    ASSIGN_OR_RETURN(FileRows rows, rows_.Read(*batch));
    return rows;
  }

  double Progress() const override {
    return size_ == 0 ? 1 : static_cast<double>(reader_->bytes_read()) / static_cast<double>(size_);
  }

 private:
  absl::Status Wrong(const arrow::Status& status) const {
    return absl::InvalidArgumentError(fmt::format(
        "file {} is no CSV as the source's schema says: {}", rows_.file(), status.message()));
  }

  RowReader rows_;
  int64_t size_ = 0;
  std::shared_ptr<arrow::csv::StreamingReader> reader_;
};

template <typename Events>
absl::StatusOr<std::unique_ptr<Events>> OpenAs(const BatchFiles& files, size_t index,
                                               const EventFileColumns& columns) {
  ASSIGN_OR_RETURN(auto file, OpenUnchanged(files, index));
  ASSIGN_OR_RETURN(Constants constants, ConstantsOf(files, index));
  auto events = std::make_unique<Events>(files.Describe(index), columns, std::move(constants));
  RETURN_IF_ERROR(events->Open(std::move(file), columns));
  return events;
}

}  // namespace

EventFileColumns::EventFileColumns(const TaskPlan& plan)
    : source_(*plan.source), schema_(plan.event_schema) {
  auto find = [&](const std::string& name) {
    auto same = [&](const v1::Field& field) { return field.name() == name; };
    auto found = std::find_if(fields_.begin(), fields_.end(), same);
    if (found != fields_.end()) return static_cast<size_t>(found - fields_.begin());
    auto declared = std::find_if(source_.schema().begin(), source_.schema().end(), same);
    v1::Field field;
    if (declared != source_.schema().end()) {
      field = *declared;
    } else {
      field.set_name(name);
      field.set_type(v1::TIMESTAMP);
      field.set_time_encoding(v1::RFC3339);
    }
    fields_.push_back(std::move(field));
    return fields_.size() - 1;
  };
  for (const std::string& column : plan.columns) find(column);
  event_time_ = find(source_.event_time());
  known_time_ = find(source_.batch().known_time_column());
}

absl::StatusOr<std::unique_ptr<EventFile>> EventFile::Open(const BatchFiles& files, size_t index,
                                                           const EventFileColumns& columns) {
  if (files.format == v1::BatchSource::CSV) return OpenAs<CsvEvents>(files, index, columns);
  return OpenAs<ParquetEvents>(files, index, columns);
}

absl::StatusOr<std::optional<int64_t>> EventFile::LeastKnownTime(const BatchFiles& files,
                                                                 size_t index,
                                                                 const EventFileColumns& columns) {
  if (files.format == v1::BatchSource::CSV) return std::nullopt;
  ASSIGN_OR_RETURN(auto file, OpenAs<ParquetEvents>(files, index, columns));
  return file->LeastKnownTime(columns);
}

}  // namespace forebay
