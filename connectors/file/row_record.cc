#include "connectors/file/row_record.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

// How many of a unit are a second; 0: the time is text.
int64_t PerSecond(v1::TimeEncoding encoding) {
  switch (encoding) {
    case v1::SECONDS:
      return 1;
    case v1::MILLISECONDS:
      return 1'000;
    case v1::MICROSECONDS:
      return kMicrosPerSecond;
    case v1::NANOSECONDS:
      return kMicrosPerSecond * 1'000;
    default:
      return 0;
  }
}

// Microseconds in another unit; nullopt: it has no whole number for them.
std::optional<int64_t> InUnit(int64_t micros, int64_t per_second) {
  if (per_second <= kMicrosPerSecond) {
    const int64_t unit = kMicrosPerSecond / per_second;
    return micros % unit == 0 ? std::optional(micros / unit) : std::nullopt;
  }
  int64_t value = 0;
  const bool fits = !__builtin_mul_overflow(micros, per_second / kMicrosPerSecond, &value);
  return fits ? std::optional(value) : std::nullopt;
}

}  // namespace

RowRecord::RowRecord(const TaskPlan& plan) : members_("{") {
  for (const std::string& name : plan.columns) {
    const v1::Field& field = *FindColumn(*plan.source, name);
    Column column{name, static_cast<DataType>(field.type()), PerSecond(field.time_encoding())};
    members_.Add(name, column.per_second > 0 ? DataType::kInt64 : column.type);
    columns_.push_back(std::move(column));
  }
  values_.resize(columns_.size());
}

absl::StatusOr<Scalar> RowRecord::ValueOf(const Column& column, const arrow::Array& values,
                                          int64_t row) const {
  if (values.IsNull(row)) return Scalar::Null();
  switch (column.type) {
    case DataType::kBool:
      return Scalar::Bool(static_cast<const arrow::BooleanArray&>(values).Value(row));
    case DataType::kInt64:
      return Scalar::Int64(values.data()->GetValues<int64_t>(1)[row]);
    case DataType::kDouble: {
      const double value = values.data()->GetValues<double>(1)[row];
      if (!std::isinf(value)) return Scalar::Double(value);
      return absl::InvalidArgumentError(
          fmt::format("column {} is infinite, which JSON has no number for", column.name));
    }
    case DataType::kString:
    case DataType::kBytes:
      return Scalar::String(static_cast<const arrow::BinaryArray&>(values).GetView(row));
    case DataType::kTimestamp:
      break;
  }
  const int64_t time = values.data()->GetValues<int64_t>(1)[row];
  if (column.per_second == 0) return Scalar::Int64(time);
  if (std::optional<int64_t> number = InUnit(time, column.per_second))
    return Scalar::Int64(*number);
  return absl::InvalidArgumentError(fmt::format(
      "column {} is {}, which is no whole number of the unit that the source's schema gives it: "
      "declare it as timestamp_us",
      column.name, FormatTime(time)));
}

absl::StatusOr<std::string_view> RowRecord::Value(const arrow::RecordBatch& rows, int64_t row) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    ASSIGN_OR_RETURN(values_[i], ValueOf(columns_[i], *rows.column(static_cast<int>(i)), row));
  }
  text_.resize(members_.MaxSize(values_.data()) + 1);
  char* end = members_.Write(values_.data(), text_.data());
  *end++ = '}';
  return std::string_view(text_.data(), static_cast<size_t>(end - text_.data()));
}

}  // namespace forebay
