#include "schemas/types/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "schemas/types/time.h"
#include "schemas/types/utf8.h"

namespace forebay {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// What a byte is inside a JSON string: copied, escaped, or the start of a longer sequence.
enum class ByteClass : uint8_t { kPlain, kEscape, kMultiByte };

constexpr std::array<ByteClass, 256> kByteClasses = [] {
  std::array<ByteClass, 256> classes{};
  for (int byte = 0; byte < 0x20; ++byte) classes[byte] = ByteClass::kEscape;
  classes['"'] = classes['\\'] = ByteClass::kEscape;
  for (int byte = 0x80; byte < 256; ++byte) classes[byte] = ByteClass::kMultiByte;
  return classes;
}();

void AppendEscape(unsigned char byte, std::string* out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (byte) {
    case '"':
    case '\\':
      *out += '\\';
      *out += static_cast<char>(byte);
      return;
    case '\b':
      *out += "\\b";
      return;
    case '\f':
      *out += "\\f";
      return;
    case '\n':
      *out += "\\n";
      return;
    case '\r':
      *out += "\\r";
      return;
    case '\t':
      *out += "\\t";
      return;
    default:
      *out += "\\u00";
      *out += kHex[byte >> 4];
      *out += kHex[byte & 15];
  }
}

template <int digits>
void WriteDigits(int64_t value, char* to) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) to[i] = static_cast<char>('0' + value % 10);
}

struct Date {
  int64_t year;
  int month;
  int day;
};

// The proleptic Gregorian date of a day counted from 1970-01-01, by eras of 400 years that start in
// March, so that the leap day comes last.
Date DateOfDay(int64_t day) {
  constexpr int64_t kDaysPerEra = 146'097;
  day += 719'468;  // from 0000-03-01
  int64_t era = FloorTo(day, kDaysPerEra) / kDaysPerEra;
  int64_t of_era = day - era * kDaysPerEra;
  int64_t year = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  int month = static_cast<int>((5 * of_year + 2) / 153);  // 0 is March
  int of_month = static_cast<int>(of_year - (153 * month + 2) / 5 + 1);
  month = month < 10 ? month + 3 : month - 9;
  return {year + era * 400 + (month <= 2 ? 1 : 0), month, of_month};
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  *out += '"';
  size_t copied = 0;
  size_t at = 0;
  while (at < text.size()) {
    unsigned char byte = text[at];
    ByteClass byte_class = kByteClasses[byte];
    if (byte_class == ByteClass::kPlain) {
      ++at;
      continue;
    }
    if (byte_class == ByteClass::kMultiByte) {
      if (size_t length = Utf8SequenceLength(text.data() + at, text.size() - at); length > 0) {
        at += length;
        continue;
      }
    }
    out->append(text, copied, at - copied);
    if (byte_class == ByteClass::kEscape) {
      AppendEscape(byte, out);
    } else {
      *out += kReplacement;
    }
    copied = ++at;
  }
  out->append(text, copied, at - copied);
  *out += '"';
}

void AppendJsonBytes(std::string_view bytes, std::string* out) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  *out += '"';
  for (size_t i = 0; i < bytes.size(); i += 3) {
    size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0);
    }
    for (size_t j = 0; j < 4; ++j) {
      *out += j <= count ? kDigits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  *out += '"';
}

void AppendJsonInt(int64_t value, std::string* out) {
  std::array<char, 24> text;
  auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  out->append(text.data(), end - text.data());
}

void AppendJsonDouble(double value, std::string* out) {
  if (std::isnan(value)) {
    *out += "null";
  } else if (std::isinf(value)) {
    *out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else if (value == 0) {
    *out += std::signbit(value) ? "-0.0" : "0";  // many readers take -0 as the integer 0
  } else {
    std::array<char, 32> text;
    auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
    out->append(text.data(), end - text.data());
  }
}

void AppendJsonTime(int64_t micros, std::string* out) {
  if (micros < kMinTime || micros > kMaxTime) {  // not four digits of year: rare, so not here
    *out += '"';
    *out += FormatTime(micros);
    *out += '"';
    return;
  }
  constexpr int64_t kSecondsPerDay = 86'400;
  int64_t seconds = FloorTo(micros, kMicrosPerSecond) / kMicrosPerSecond;
  int64_t day = FloorTo(seconds, kSecondsPerDay) / kSecondsPerDay;
  int64_t of_day = seconds - day * kSecondsPerDay;
  Date date = DateOfDay(day);
  std::array<char, 29> text;
  std::string_view("\"0000-00-00T00:00:00.000000Z\"").copy(text.data(), text.size());
  WriteDigits<4>(date.year, &text[1]);
  WriteDigits<2>(date.month, &text[6]);
  WriteDigits<2>(date.day, &text[9]);
  WriteDigits<2>(of_day / 3'600, &text[12]);
  WriteDigits<2>(of_day / 60 % 60, &text[15]);
  WriteDigits<2>(of_day % 60, &text[18]);
  WriteDigits<6>(micros - seconds * kMicrosPerSecond, &text[21]);
  out->append(text.data(), text.size());
}

void AppendJsonValue(const Value& value, DataType type, std::string* out) {
  if (IsNull(value)) {
    *out += "null";
    return;
  }
  switch (type) {
    case DataType::kBool:
      *out += std::get<bool>(value) ? "true" : "false";
      return;
    case DataType::kInt64:
      return AppendJsonInt(std::get<int64_t>(value), out);
    case DataType::kDouble:
      return AppendJsonDouble(std::get<double>(value), out);
    case DataType::kString:
      return AppendJsonString(std::get<std::string>(value), out);
    case DataType::kBytes:
      return AppendJsonBytes(std::get<std::string>(value), out);
    case DataType::kTimestamp:
      return AppendJsonTime(std::get<int64_t>(value), out);
  }
}

}  // namespace forebay
