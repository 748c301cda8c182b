#include "schemas/types/time.h"

#include <array>
#include <charconv>
#include <string>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "fmt/format.h"

namespace forebay {
namespace {

struct Unit {
  std::string_view name;
  int64_t micros;
};

// Largest first.
constexpr std::array<Unit, 6> kUnits = {{{"d", 86'400 * kMicrosPerSecond},
                                         {"h", 3'600 * kMicrosPerSecond},
                                         {"m", 60 * kMicrosPerSecond},
                                         {"s", kMicrosPerSecond},
                                         {"ms", 1'000},
                                         {"us", 1}}};

absl::Status BadDuration(std::string_view text) {
  return absl::InvalidArgumentError(fmt::format(
      "'{}' is not a duration: write a whole number and one of us, ms, s, m, h, d, as in 10m",
      text));
}

absl::Status BadTime(std::string_view text) {
  return absl::InvalidArgumentError(
      fmt::format("'{}' is not an RFC 3339 time: write it as in 2013-01-01T05:00:00Z", text));
}

absl::Status NoZone(std::string_view text) {
  return absl::InvalidArgumentError(
      fmt::format("'{}' has no time zone: if it is UTC, write {}Z", text, text));
}

// Reads exactly `digits` digits at `position`; false if there are others.
bool ReadDigits(std::string_view text, size_t* position, int digits, int64_t* value) {
  *value = 0;
  for (int i = 0; i < digits; ++i, ++*position) {
    if (*position >= text.size() || text[*position] < '0' || text[*position] > '9') return false;
    *value = *value * 10 + (text[*position] - '0');
  }
  return true;
}

bool ReadChar(std::string_view text, size_t* position, std::string_view allowed) {
  if (*position >= text.size() || allowed.find(text[*position]) == std::string_view::npos)
    return false;
  ++*position;
  return true;
}

// The fraction after a dot, floored to microseconds.
bool ReadFraction(std::string_view text, size_t* position, int64_t* micros) {
  int digits = 0;
  int64_t value = 0;
  while (*position < text.size() && text[*position] >= '0' && text[*position] <= '9') {
    if (digits < 6) value = value * 10 + (text[*position] - '0');
    ++digits;
    ++*position;
  }
  if (digits == 0 || digits > 9) return false;
  for (int i = digits; i < 6; ++i) value *= 10;
  *micros = value;
  return true;
}

}  // namespace

std::string FormatTime(int64_t micros) {
  int64_t fraction = micros % kMicrosPerSecond;  // FloorTo would overflow next to the least int64
  if (fraction < 0) fraction += kMicrosPerSecond;
  absl::CivilSecond civil = absl::ToCivilSecond(absl::FromUnixMicros(micros), absl::UTCTimeZone());
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", civil.year(), civil.month(),
                     civil.day(), civil.hour(), civil.minute(), civil.second(), fraction);
}

std::string FormatDate(int64_t micros) { return FormatTime(micros).substr(0, 10); }

absl::StatusOr<int64_t> ParseTime(std::string_view text) {
  size_t at = 0;
  int64_t year, month, day, hour, minute, second, fraction = 0, offset_hour = 0, offset_minute = 0;
  bool ok = ReadDigits(text, &at, 4, &year) && ReadChar(text, &at, "-") &&
            ReadDigits(text, &at, 2, &month) && ReadChar(text, &at, "-") &&
            ReadDigits(text, &at, 2, &day) && ReadChar(text, &at, "Tt ") &&
            ReadDigits(text, &at, 2, &hour) && ReadChar(text, &at, ":") &&
            ReadDigits(text, &at, 2, &minute) && ReadChar(text, &at, ":") &&
            ReadDigits(text, &at, 2, &second);
  if (!ok) return BadTime(text);
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!ReadFraction(text, &at, &fraction)) return BadTime(text);
  }
  if (at == text.size()) return NoZone(text);
  int64_t sign = 0;
  if (ReadChar(text, &at, "Zz")) {
    sign = 0;
  } else {
    sign = (at < text.size() && text[at] == '-') ? -1 : 1;
    if (!ReadChar(text, &at, "+-") || !ReadDigits(text, &at, 2, &offset_hour) ||
        !ReadChar(text, &at, ":") || !ReadDigits(text, &at, 2, &offset_minute)) {
      return BadTime(text);
    }
  }
  absl::CivilSecond civil(year, month, day, hour, minute, second);
  bool normal = civil.year() == year && civil.month() == month && civil.day() == day &&
                civil.hour() == hour && civil.minute() == minute && civil.second() == second;
  if (at != text.size() || !normal || offset_hour > 23 || offset_minute > 59) return BadTime(text);
  int64_t micros = absl::ToUnixMicros(absl::FromCivil(civil, absl::UTCTimeZone())) + fraction;
  return micros - sign * (offset_hour * 60 + offset_minute) * 60 * kMicrosPerSecond;
}

absl::StatusOr<int64_t> ParseDuration(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number <= 0) return BadDuration(text);
  std::string_view name = text.substr(end - text.data());
  for (const Unit& unit : kUnits) {
    if (unit.name != name) continue;
    int64_t micros;
    if (__builtin_mul_overflow(number, unit.micros, &micros) || micros > kMaxTime)
      return BadDuration(text);
    return micros;
  }
  return BadDuration(text);
}

std::string FormatDuration(int64_t micros) {
  for (const Unit& unit : kUnits) {
    if (micros % unit.micros == 0) return fmt::format("{}{}", micros / unit.micros, unit.name);
  }
  return fmt::format("{}us", micros);
}

}  // namespace forebay
