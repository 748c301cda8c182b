#include "offline/training_set/label_times.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <optional>

#include "connectors/decode/timestamp_unit.h"
#include "offline/training_set/cell_value.h"
#include "offline/training_set/labels_file.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr int64_t kYear1990 = 631'152'000 * kMicrosPerSecond;
constexpr int64_t kYear2100 = 4'102'444'800 * kMicrosPerSecond;

// " (with ms it is 2024-01-01T10:00:00.000000Z)", where one unit makes it a time of our days.
std::string LikelyUnit(int64_t value) {
  for (const TimeUnit& unit : kTimeUnits) {
    bool fits = true;
    int64_t time = ToMicros(value, unit.encoding, &fits);
    if (fits && time >= kYear1990 && time < kYear2100) {
      return fmt::format(" (with {} it is {})", unit.name, FormatTime(time));
    }
  }
  return "";
}

absl::StatusOr<int64_t> FromWholeNumber(int64_t value, v1::TimeEncoding unit) {
  if (unit == v1::TIME_ENCODING_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        fmt::format("{} is a whole number: say what it counts with --time-unit s, ms, us or ns{}",
                    value, LikelyUnit(value)));
  }
  bool fits = true;
  int64_t time = ToMicros(value, unit, &fits);
  if (fits && time >= kMinTime && time <= kMaxTime) return time;
  return absl::InvalidArgumentError(fmt::format(
      "{} is outside the years 1 to 9999 in that --time-unit{}", value, LikelyUnit(value)));
}

absl::StatusOr<int64_t> FromText(std::string_view text, v1::TimeEncoding unit) {
  if (std::optional<int64_t> number = ParseWholeNumber(text)) return FromWholeNumber(*number, unit);
  if (unit == v1::TIME_ENCODING_UNSPECIFIED) return ParseTime(text);
  return absl::InvalidArgumentError(
      fmt::format("'{}' is no whole number, as --time-unit says it is", text));
}

absl::StatusOr<int64_t> TimeAt(const arrow::Array& array, int64_t row, v1::TimeEncoding unit) {
  if (array.IsNull(row)) return absl::InvalidArgumentError("it is null");
  arrow::Type::type type = array.type_id();
  if (IsText(type)) return FromText(TextAt(array, row), unit);
  if (IsInteger(type)) return FromWholeNumber(IntegerAt(array, row), unit);
  int64_t time = 0;
  if (type == arrow::Type::DATE32) {
    int64_t day = static_cast<const arrow::Date32Array&>(array).Value(row);
    time = day * 86'400 * kMicrosPerSecond;
  } else {
    time = IntegerAt(array, row);
  }
  if (time >= kMinTime && time <= kMaxTime) return time;
  return absl::InvalidArgumentError("it is outside the years 1 to 9999");
}

absl::Status CheckType(const arrow::DataType& type, v1::TimeEncoding unit) {
  bool says_unit = type.id() == arrow::Type::TIMESTAMP || type.id() == arrow::Type::DATE32;
  if (says_unit && unit != v1::TIME_ENCODING_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        fmt::format("is {}, which says its unit: leave --time-unit out", type.ToString()));
  }
  if (says_unit || IsText(type.id()) || IsInteger(type.id())) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("is {}; allowed are timestamps, dates, RFC 3339 text and, with --time-unit, "
                  "whole numbers",
                  type.ToString()));
}

}  // namespace

absl::StatusOr<std::vector<KnownTime>> ReadLabelTimes(const std::string& path,
                                                      const std::string& column_name,
                                                      const arrow::ChunkedArray& column,
                                                      v1::TimeEncoding unit) {
  if (absl::Status status = CheckType(*column.type(), unit); !status.ok()) {
    return absl::InvalidArgumentError(fmt::format("labels {}: the time column '{}' {}", path,
                                                  column_name, std::string(status.message())));
  }
  std::vector<KnownTime> times;
  times.reserve(column.length());
  for (const auto& chunk : column.chunks()) {
    for (int64_t i = 0; i < chunk->length(); ++i) {
      absl::StatusOr<int64_t> time = TimeAt(*chunk, i, unit);
      if (!time.ok()) {
        return absl::InvalidArgumentError(fmt::format(
            "labels {}, {}: the time in column '{}' cannot be used: {}", path,
            LabelPlace(path, times.size()), column_name, std::string(time.status().message())));
      }
      times.push_back(KnownTime(*time));
    }
  }
  return times;
}

std::string TakenAsUtc(const std::string& column_name, const arrow::DataType& type) {
  if (type.id() == arrow::Type::DATE32) {
    return fmt::format("the dates in column '{}' are taken as their midnight, UTC", column_name);
  }
  if (type.id() == arrow::Type::TIMESTAMP &&
      static_cast<const arrow::TimestampType&>(type).timezone().empty()) {
    return fmt::format("the times in column '{}' have no time zone: they are taken as UTC",
                       column_name);
  }
  return "";
}

}  // namespace forebay
