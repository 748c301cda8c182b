#include "connectors/decode/unit_mismatch.h"

#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "connectors/decode/timestamp_unit.h"
#include "fmt/format.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr v1::TimeEncoding kUnits[] = {v1::SECONDS, v1::MILLISECONDS, v1::MICROSECONDS,
                                       v1::NANOSECONDS};
constexpr int64_t kYear = 31'556'952 * kMicrosPerSecond;
constexpr int64_t kOldestTimestamp = 946'684'800 * kMicrosPerSecond;  // 2000-01-01

bool IsUnit(v1::TimeEncoding encoding) {
  return encoding >= v1::SECONDS && encoding <= v1::NANOSECONDS;
}

// As floating point, since any two int64 have one.
double Distance(int64_t a, int64_t b) {
  return std::abs(static_cast<double>(a) - static_cast<double>(b));
}

// The number as it was written, but for what nanoseconds lost.
int64_t CountOf(const FieldValue& value, v1::TimeEncoding encoding) {
  if (encoding == v1::MICROSECONDS) return value.integer;
  if (encoding == v1::NANOSECONDS) {
    // Flooring the least int64 to microseconds went below it.
    int64_t count;
    bool overflows = __builtin_mul_overflow(value.integer, int64_t{1'000}, &count);
    return overflows ? std::numeric_limits<int64_t>::min() : count;
  }
  if (IsSaturated(value.integer)) return value.count;
  return value.integer / (encoding == v1::SECONDS ? kMicrosPerSecond : kMicrosPerSecond / 1'000);
}

// "milliseconds"
std::string UnitName(v1::TimeEncoding unit) {
  return absl::AsciiStrToLower(v1::TimeEncoding_Name(unit));
}

}  // namespace

std::optional<v1::TimeEncoding> LikelyUnit(int64_t count, v1::TimeEncoding declared,
                                           int64_t timestamp) {
  if (!IsUnit(declared) || timestamp < kOldestTimestamp || timestamp > kMaxTime) {
    return std::nullopt;
  }
  bool fits;  // what does not becomes the nearest that does, which is far enough off, too
  if (Distance(ToMicros(count, declared, &fits), timestamp) <= 20.0 * kYear) return std::nullopt;
  for (v1::TimeEncoding unit : kUnits) {
    int64_t time = ToMicros(count, unit, &fits);
    if (Distance(time, timestamp) <= 10.0 * kYear) return unit;
  }
  return std::nullopt;
}

std::string UnitMismatch(const TimeField& field, const FieldValue& value, int64_t timestamp) {
  if (!IsUnit(field.encoding)) return "";
  int64_t count = CountOf(value, field.encoding);
  std::optional<v1::TimeEncoding> unit = LikelyUnit(count, field.encoding, timestamp);
  if (!unit.has_value()) return "";
  bool fits;
  return fmt::format(
      "field {} looks like {}, and is declared in {}: as {} {} is {}, near the timestamp of its "
      "Kafka record; correct the field's type in the schema of the source",
      field.name, UnitName(*unit), UnitName(field.encoding), UnitName(*unit), count,
      FormatTime(ToMicros(count, *unit, &fits)));
}

}  // namespace forebay
