#include "offline/training_set/labels.h"

#include <arrow/api.h>
#include <arrow/csv/api.h>
#include <arrow/io/file.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>

#include "forebay/v1/definition.pb.h"
#include "offline/training_set/key_column.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

arrow::Result<std::shared_ptr<arrow::Table>> ReadParquet(
    std::shared_ptr<arrow::io::RandomAccessFile> file) {
  ARROW_ASSIGN_OR_RAISE(auto reader, parquet::arrow::OpenFile(file, arrow::default_memory_pool()));
  return reader->ReadTable();
}

arrow::Result<std::shared_ptr<arrow::Table>> ReadCsv(
    std::shared_ptr<arrow::io::RandomAccessFile> file, const std::string& time_column,
    const std::vector<const v1::Field*>& keys) {
  auto convert = arrow::csv::ConvertOptions::Defaults();
  convert.column_types[time_column] = arrow::utf8();
  for (const v1::Field* key : keys) {
    auto& type = convert.column_types[key->name()];
    if (key->type() == v1::INT64) {
      type = arrow::int64();
    } else if (key->type() == v1::BOOL) {
      type = arrow::boolean();
    } else if (key->type() == v1::TIMESTAMP) {
      type = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    } else {
      type = arrow::utf8();
    }
  }
  ARROW_ASSIGN_OR_RAISE(
      auto reader, arrow::csv::TableReader::Make(arrow::io::default_io_context(), file,
                                                 arrow::csv::ReadOptions::Defaults(),
                                                 arrow::csv::ParseOptions::Defaults(), convert));
  return reader->Read();
}

absl::StatusOr<std::shared_ptr<arrow::Table>> ReadTable(const std::string& path,
                                                        const std::string& time_column,
                                                        const std::vector<const v1::Field*>& keys) {
  bool csv = path.ends_with(".csv");
  if (!csv && !path.ends_with(".parquet")) {
    return absl::InvalidArgumentError(
        fmt::format("labels {} must be a .parquet or .csv file", path));
  }
  auto file = arrow::io::ReadableFile::Open(path);
  if (!file.ok()) {
    return absl::NotFoundError(
        fmt::format("cannot open labels {}: {}", path, file.status().message()));
  }
  std::string what;
  try {
    auto table = csv ? ReadCsv(*file, time_column, keys) : ReadParquet(*file);
    if (table.ok()) return *std::move(table);
    what = table.status().message();
  } catch (const std::exception& e) {
    what = e.what();
  }
  return absl::InvalidArgumentError(fmt::format("cannot read labels {}: {}", path, what));
}

absl::StatusOr<std::shared_ptr<arrow::ChunkedArray>> FindColumn(const std::string& path,
                                                                const arrow::Table& table,
                                                                const std::string& name) {
  std::vector<int> found = table.schema()->GetAllFieldIndices(name);
  if (found.size() == 1) return table.column(found[0]);
  if (!found.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("labels {} have {} columns named '{}'", path, found.size(), name));
  }
  return absl::InvalidArgumentError(
      fmt::format("labels {} have no column '{}'{}", path, name,
                  definition::AllowedNames(name, table.ColumnNames(), "columns")));
}

// Microseconds of a timestamp in `unit`, floored.
absl::StatusOr<int64_t> ToMicros(int64_t value, arrow::TimeUnit::type unit) {
  int64_t micros = value;
  bool overflow = false;
  if (unit == arrow::TimeUnit::SECOND) {
    overflow = __builtin_mul_overflow(value, int64_t{1'000'000}, &micros);
  } else if (unit == arrow::TimeUnit::MILLI) {
    overflow = __builtin_mul_overflow(value, int64_t{1000}, &micros);
  } else if (unit == arrow::TimeUnit::NANO) {
    micros = FloorTo(value, 1000) / 1000;
  }
  if (overflow) return absl::InvalidArgumentError("is out of range");
  return micros;
}

absl::StatusOr<int64_t> TimeAt(const arrow::Array& array, int64_t row) {
  switch (array.type_id()) {
    case arrow::Type::TIMESTAMP:
      return ToMicros(static_cast<const arrow::TimestampArray&>(array).Value(row),
                      static_cast<const arrow::TimestampType&>(*array.type()).unit());
    case arrow::Type::INT64:
      return static_cast<const arrow::Int64Array&>(array).Value(row);
    case arrow::Type::DATE32:
      return static_cast<const arrow::Date32Array&>(array).Value(row) * (86'400 * kMicrosPerSecond);
    case arrow::Type::STRING:
      return ParseTime(static_cast<const arrow::StringArray&>(array).GetView(row));
    case arrow::Type::LARGE_STRING:
      return ParseTime(static_cast<const arrow::LargeStringArray&>(array).GetView(row));
    default:
      return absl::InvalidArgumentError(
          fmt::format("is {}; allowed are timestamps, dates, RFC 3339 text and int64 microseconds",
                      array.type()->ToString()));
  }
}

absl::StatusOr<std::vector<KnownTime>> ReadTimes(const std::string& path,
                                                 const std::string& time_column,
                                                 const arrow::ChunkedArray& column) {
  std::vector<KnownTime> times;
  times.reserve(column.length());
  for (const auto& chunk : column.chunks()) {
    for (int64_t i = 0; i < chunk->length(); ++i) {
      absl::StatusOr<int64_t> time = absl::InvalidArgumentError("is null");
      if (chunk->IsValid(i)) time = TimeAt(*chunk, i);
      if (!time.ok()) {
        return absl::InvalidArgumentError(
            fmt::format("labels {}, row {}: the time in column '{}' cannot be used: {}", path,
                        times.size() + 1, time_column, std::string(time.status().message())));
      }
      times.push_back(KnownTime(*time));
    }
  }
  return times;
}

// Text of a CSV column holds RFC 3339 or plain microseconds: tells which by its first value.
arrow::Result<std::shared_ptr<arrow::ChunkedArray>> IntegersIfPlain(
    std::shared_ptr<arrow::ChunkedArray> column) {
  if (column->type()->id() != arrow::Type::STRING || column->length() == 0) return column;
  arrow::Int64Builder builder;
  for (const auto& chunk : column->chunks()) {
    const auto& text = static_cast<const arrow::StringArray&>(*chunk);
    for (int64_t i = 0; i < text.length(); ++i) {
      std::string value = text.GetString(i);
      char* end = nullptr;
      errno = 0;
      int64_t micros = std::strtoll(value.c_str(), &end, 10);
      if (text.IsNull(i) || value.empty() || *end != '\0' || errno != 0) return column;
      ARROW_RETURN_NOT_OK(builder.Append(micros));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto array, builder.Finish());
  return std::make_shared<arrow::ChunkedArray>(array);
}

}  // namespace

absl::StatusOr<Labels> ReadLabels(const std::string& path, const std::string& time_column,
                                  const std::vector<const v1::Field*>& keys) {
  Labels labels;
  ASSIGN_OR_RETURN(labels.table, ReadTable(path, time_column, keys));
  for (const v1::Field* key : keys) {
    ASSIGN_OR_RETURN(auto column, FindColumn(path, *labels.table, key->name()));
    absl::Status fits = CheckKeyType(*key, *column->type());
    if (!fits.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("labels {}: {}", path, std::string(fits.message())));
    }
  }
  ASSIGN_OR_RETURN(auto column, FindColumn(path, *labels.table, time_column));
  if (auto plain = IntegersIfPlain(column); plain.ok()) column = *plain;
  ASSIGN_OR_RETURN(labels.times, ReadTimes(path, time_column, *column));
  return labels;
}

}  // namespace forebay
