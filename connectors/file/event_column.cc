#include "connectors/file/event_column.h"

#include <arrow/api.h>
#include <arrow/compute/cast.h>
#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "connectors/decode/timestamp_unit.h"
#include "engine/batch/arrow_type.h"
#include "schemas/types/shown_bytes.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using ArrayPointer = std::shared_ptr<arrow::Array>;

bool IsText(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRING || type.id() == arrow::Type::LARGE_STRING ||
         type.id() == arrow::Type::STRING_VIEW;
}

bool IsTextInAnyForm(const arrow::DataType& type) {
  if (type.id() != arrow::Type::DICTIONARY) return IsText(type);
  return IsText(*static_cast<const arrow::DictionaryType&>(type).value_type());
}

bool IsDate(const arrow::DataType& type) {
  return type.id() == arrow::Type::DATE32 || type.id() == arrow::Type::DATE64;
}

bool IsTime(const v1::Field& field, const arrow::DataType& type) {
  if (type.id() == arrow::Type::TIMESTAMP || IsDate(type)) return true;
  return field.time_encoding() == v1::RFC3339 ? IsTextInAnyForm(type)
                                              : arrow::is_integer(type.id());
}

bool Fits(const v1::Field& field, const arrow::DataType& type) {
  switch (static_cast<DataType>(field.type())) {
    case DataType::kBool:
      return type.id() == arrow::Type::BOOL;
    case DataType::kInt64:
      return arrow::is_integer(type.id());
    case DataType::kDouble:
      return arrow::is_integer(type.id()) || arrow::is_floating(type.id());
    case DataType::kString:
      return IsTextInAnyForm(type);
    case DataType::kBytes:
      return arrow::is_binary_like(type.id()) || arrow::is_large_binary_like(type.id()) ||
             type.id() == arrow::Type::FIXED_SIZE_BINARY;
    case DataType::kTimestamp:
      return IsTime(field, type);
  }
  return false;
}

std::string_view Expected(const v1::Field& field) {
  switch (static_cast<DataType>(field.type())) {
    case DataType::kBool:
      return "booleans";
    case DataType::kInt64:
      return "whole numbers";
    case DataType::kDouble:
      return "numbers";
    case DataType::kString:
      return "text";
    case DataType::kBytes:
      return "bytes";
    case DataType::kTimestamp:
      return field.time_encoding() == v1::RFC3339 ? "timestamps or RFC 3339 text"
                                                  : "timestamps or whole numbers";
  }
  return "";
}

v1::TimeEncoding UnitOf(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return v1::SECONDS;
    case arrow::TimeUnit::MILLI:
      return v1::MILLISECONDS;
    case arrow::TimeUnit::MICRO:
      return v1::MICROSECONDS;
    case arrow::TimeUnit::NANO:
      return v1::NANOSECONDS;
  }
  return v1::MICROSECONDS;
}

// What the numbers of a column count; date32 counts days, and is cast to date64 first.
v1::TimeEncoding EncodingOf(const v1::Field& field, const arrow::DataType& type) {
  if (type.id() == arrow::Type::TIMESTAMP)
    return UnitOf(static_cast<const arrow::TimestampType&>(type).unit());
  return type.id() == arrow::Type::DATE64 ? v1::MILLISECONDS : field.time_encoding();
}

absl::Status BadValue(const v1::Field& field, int64_t row, std::string_view what) {
  return absl::InvalidArgumentError(
      fmt::format("row {}, column '{}': {}", row, field.name(), what));
}

absl::StatusOr<ArrayPointer> CastTo(const v1::Field& field, const ArrayPointer& column,
                                    const std::shared_ptr<arrow::DataType>& type,
                                    int64_t first_row) {
  auto options = arrow::compute::CastOptions::Safe(type);
  options.allow_float_truncate = true;  // of numbers to doubles, as when a number's text is read
  auto cast = arrow::compute::Cast(*column, type, options);
  if (cast.ok()) return *std::move(cast);
  return BadValue(field, first_row,
                  fmt::format("in it or in a later one is a value that is no {}: {}",
                              Expected(field), cast.status().message()));
}

// The same memory as another type of the same width.
ArrayPointer Renamed(const arrow::Array& column, std::shared_ptr<arrow::DataType> type) {
  std::shared_ptr<arrow::ArrayData> data = column.data()->Copy();
  data->type = std::move(type);
  return arrow::MakeArray(std::move(data));
}

absl::StatusOr<ArrayPointer> Times(const arrow::Array& like, std::vector<int64_t> micros) {
  std::shared_ptr<arrow::Buffer> valid;
  if (like.null_count() > 0) {
    arrow::TypedBufferBuilder<bool> bits;
    arrow::Status status = bits.Reserve(like.length());
    for (int64_t row = 0; status.ok() && row < like.length(); ++row)
      bits.UnsafeAppend(like.IsValid(row));
    if (status.ok()) status = bits.Finish(&valid);
    if (!status.ok()) return absl::ResourceExhaustedError(status.ToString());
  }
  return std::make_shared<arrow::TimestampArray>(ArrowType(DataType::kTimestamp), like.length(),
                                                 arrow::Buffer::FromVector(std::move(micros)),
                                                 std::move(valid), like.null_count());
}

absl::StatusOr<ArrayPointer> TimesOfText(const v1::Field& field, const arrow::StringArray& texts,
                                         int64_t first_row) {
  std::vector<int64_t> micros(texts.length());
  for (int64_t row = 0; row < texts.length(); ++row) {
    if (texts.IsNull(row)) continue;
    absl::StatusOr<int64_t> time = ParseTime(texts.GetView(row));
    if (!time.ok()) {
      return BadValue(field, first_row + row,
                      fmt::format("{} is no RFC 3339 time such as 2013-01-01T05:00:00Z",
                                  ShownBytes(texts.GetView(row))));
    }
    micros[row] = *time;
  }
  return Times(texts, std::move(micros));
}

absl::StatusOr<ArrayPointer> TimesOfNumbers(const v1::Field& field, const arrow::Array& column,
                                            v1::TimeEncoding encoding, int64_t first_row) {
  if (encoding == v1::MICROSECONDS) return Renamed(column, ArrowType(DataType::kTimestamp));
  const auto* values = column.data()->GetValues<int64_t>(1);
  std::vector<int64_t> micros(column.length());
  for (int64_t row = 0; row < column.length(); ++row) {
    if (column.IsNull(row)) continue;
    bool fits = true;
    micros[row] = ToMicros(values[row], encoding, &fits);
    if (!fits) {
      return BadValue(field, first_row + row,
                      fmt::format("{} is a time that 64 bits of microseconds do not hold; is the "
                                  "unit another than declared?",
                                  values[row]));
    }
  }
  return Times(column, std::move(micros));
}

absl::StatusOr<ArrayPointer> ToTimes(const v1::Field& field, ArrayPointer column,
                                     int64_t first_row) {
  if (IsTextInAnyForm(*column->type())) {
    ASSIGN_OR_RETURN(column, CastTo(field, column, arrow::utf8(), first_row));
    return TimesOfText(field, static_cast<const arrow::StringArray&>(*column), first_row);
  }
  if (column->type_id() == arrow::Type::DATE32) {
    ASSIGN_OR_RETURN(column, CastTo(field, column, arrow::date64(), first_row));
  } else if (arrow::is_integer(column->type_id())) {
    ASSIGN_OR_RETURN(column, CastTo(field, column, arrow::int64(), first_row));
  }
  return TimesOfNumbers(field, *column, EncodingOf(field, *column->type()), first_row);
}

}  // namespace

absl::Status CheckColumnType(const v1::Field& field, const arrow::DataType& type) {
  if (Fits(field, type)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("column '{}' has the type {}, and the source's schema needs {} there",
                  field.name(), type.ToString(), Expected(field)));
}

absl::StatusOr<ArrayPointer> ToEventColumn(const v1::Field& field, const ArrayPointer& column,
                                           int64_t first_row) {
  const auto type = static_cast<DataType>(field.type());
  if (type == DataType::kTimestamp) return ToTimes(field, column, first_row);
  ArrayPointer converted = column;
  if (!column->type()->Equals(ArrowType(type))) {
    ASSIGN_OR_RETURN(converted, CastTo(field, column, ArrowType(type), first_row));
  }
  if (type != DataType::kString) return converted;
  arrow::Status valid = converted->ValidateFull();
  if (valid.ok()) return converted;
  return BadValue(
      field, first_row,
      fmt::format("in it or in a later one is text that is no UTF-8: {}", valid.message()));
}

int64_t ToEventTime(const v1::Field& field, const arrow::DataType& type, int64_t value) {
  bool fits = true;
  return ToMicros(value, EncodingOf(field, type), &fits);
}

}  // namespace forebay
