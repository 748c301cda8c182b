// Text forms of times (int64 microseconds since the epoch, UTC) and durations (int64 microseconds).
#ifndef FOREBAY_SCHEMAS_TYPES_TIME_H_
#define FOREBAY_SCHEMAS_TYPES_TIME_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace forebay {

inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
// The times that an event may have (S1): the years 1 to 9999.
inline constexpr int64_t kMinTime = -62'135'596'800 * kMicrosPerSecond;  // 0001-01-01T00:00:00Z
inline constexpr int64_t kMaxTime =
    253'402'300'800 * kMicrosPerSecond - 1;  // 9999-12-31T23:59:59.999999Z

// "2013-01-01T05:00:00.000000Z", always with six digits of fraction.
std::string FormatTime(int64_t micros);

// RFC 3339 with any UTC offset and 0 to 9 digits of fraction (floored to microseconds).
absl::StatusOr<int64_t> ParseTime(std::string_view text);

// "2013-01-01": the date of partition folders.
std::string FormatDate(int64_t micros);

// "10m", "1h", "7d", "500ms", "1us": one number and one unit of us, ms, s, m, h, d. Positive.
absl::StatusOr<int64_t> ParseDuration(std::string_view text);

// The shortest form that ParseDuration takes back: 3600000000 is "1h", 86400000000 is "1d"... a
// duration keeps the largest unit that divides it.
std::string FormatDuration(int64_t micros);

// floor(value / step) * step, right below zero too. REQUIRES: step > 0.
constexpr int64_t FloorTo(int64_t value, int64_t step) {
  int64_t remainder = value % step;
  return value - (remainder < 0 ? remainder + step : remainder);
}

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_TIME_H_
