#include "offline/training_set/output_format.h"

#include <arrow/api.h>
#include <arrow/compute/cast.h>
#include <fmt/format.h>

#include <algorithm>

#include "offline/delta/table_column.h"

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

// The type that a Delta table has for it; null: none.
std::shared_ptr<arrow::DataType> DeltaType(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::DOUBLE:
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
    case arrow::Type::DATE32:
      return type.GetSharedPtr();
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::UINT8:
    case arrow::Type::UINT16:
      return arrow::int32();
    case arrow::Type::UINT32:
    case arrow::Type::UINT64:
      return arrow::int64();
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::FLOAT:
      return arrow::float64();
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW:
      return arrow::utf8();
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
      return arrow::binary();
    case arrow::Type::DATE64:
      return arrow::date32();
    case arrow::Type::TIMESTAMP:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case arrow::Type::DICTIONARY:
      return DeltaType(*static_cast<const arrow::DictionaryType&>(type).value_type());
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST: {
      const auto& element = static_cast<const arrow::BaseListType&>(type).value_field();
      auto of_element = DeltaType(*element->type());
      if (of_element == nullptr) return nullptr;
      return arrow::list(arrow::field("element", of_element, element->nullable()));
    }
    default:
      return nullptr;
  }
}

arrow::Result<Column> Convert(const arrow::ChunkedArray& column, const arrow::Field& as) {
  arrow::ArrayVector chunks;
  for (const auto& chunk : column.chunks()) {
    ARROW_ASSIGN_OR_RAISE(chunks.emplace_back(), AsTableColumn(chunk, as));
  }
  return arrow::ChunkedArray::Make(std::move(chunks), as.type());
}

absl::Status DoesNotFit(const arrow::Field& field, OutputFormat format, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format(
      "column '{}' of the labels is {}, which {} does not hold{}{}: leave it out, convert it, or "
      "write Parquet",
      field.name(), field.type()->ToString(),
      format == OutputFormat::kCsv ? "CSV" : "a Delta table", why.empty() ? "" : ": ", why));
}

// The type of a column in the output; null: its own.
absl::StatusOr<std::shared_ptr<arrow::DataType>> OutputType(const arrow::Field& field,
                                                            const arrow::ChunkedArray& column,
                                                            OutputFormat format,
                                                            ParquetEncoding encoding,
                                                            std::vector<std::string>* warnings) {
  const bool lossless = !IsNanoseconds(*field.type()) || IsWholeMicroseconds(column);
  if (format != OutputFormat::kParquet) {
    auto type = DeltaType(*field.type());
    if (type == nullptr) return DoesNotFit(field, format, "");
    if (!lossless) return DoesNotFit(field, format, "there are times between two microseconds");
    return type;
  }
  if (encoding != ParquetEncoding::kCompatible || !IsNanoseconds(*field.type())) return nullptr;
  if (lossless) {
    const auto& zone = static_cast<const arrow::TimestampType&>(*field.type()).timezone();
    return arrow::timestamp(arrow::TimeUnit::MICRO, zone);
  }
  // As every reader takes it: Spark 4.2 refuses nanoseconds.
  warnings->push_back(fmt::format(
      "column '{}' of the labels has times between two microseconds: it stays in nanoseconds, "
      "which Spark does not read",
      field.name()));
  return nullptr;
}

}  // namespace

std::string_view OutputFormatName(OutputFormat format) {
  return std::ranges::find(kOutputFormats, format, &NamedOutputFormat::format)->name;
}

std::optional<OutputFormat> FormatOfPath(std::string_view path) {
  if (path.ends_with(".parquet")) return OutputFormat::kParquet;
  if (path.ends_with(".csv")) return OutputFormat::kCsv;
  return std::nullopt;
}

absl::StatusOr<std::shared_ptr<arrow::Table>> AsOutputColumns(std::shared_ptr<arrow::Table> labels,
                                                              OutputFormat format,
                                                              ParquetEncoding encoding,
                                                              std::vector<std::string>* warnings) {
  for (int c = 0; c < labels->num_columns(); ++c) {
    const auto field = labels->field(c);
    const Column column = labels->column(c);
    auto type = OutputType(*field, *column, format, encoding, warnings);
    if (!type.ok()) return type.status();
    if (*type == nullptr || (*type)->Equals(field->type())) continue;
    const auto as = field->WithType(*type)->WithNullable(true);
    auto converted = Convert(*column, *as);
    if (!converted.ok()) return DoesNotFit(*field, format, converted.status().message());
    auto set = labels->SetColumn(c, as, *converted);
    if (!set.ok()) return absl::InternalError(set.status().ToString());
    labels = *std::move(set);
  }
  return labels;
}

}  // namespace forebay
