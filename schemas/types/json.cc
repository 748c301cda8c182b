#include "schemas/types/json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "schemas/types/digits.h"
#include "schemas/types/shortest_double.h"
#include "schemas/types/time.h"
#include "schemas/types/utf8.h"

namespace forebay {
namespace {

// What a byte is inside a JSON string: copied, escaped, or the start of a longer sequence.
enum class ByteClass : uint8_t { kPlain, kEscape, kMultiByte };

constexpr std::array<ByteClass, 256> kByteClasses = [] {
  std::array<ByteClass, 256> classes{};
  for (int byte = 0; byte < 0x20; ++byte) classes[byte] = ByteClass::kEscape;
  classes['"'] = classes['\\'] = ByteClass::kEscape;
  for (int byte = 0x80; byte < 256; ++byte) classes[byte] = ByteClass::kMultiByte;
  return classes;
}();

char* Write(std::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* WriteEscape(unsigned char byte, char* out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  *out++ = '\\';
  switch (byte) {
    case '"':
    case '\\':
      *out++ = static_cast<char>(byte);
      return out;
    case '\b':
      *out++ = 'b';
      return out;
    case '\f':
      *out++ = 'f';
      return out;
    case '\n':
      *out++ = 'n';
      return out;
    case '\r':
      *out++ = 'r';
      return out;
    case '\t':
      *out++ = 't';
      return out;
    default:
      out = Write("u00", out);
      *out++ = kHex[byte >> 4];
      *out++ = kHex[byte & 15];
      return out;
  }
}

// Whether the eight bytes are copied as they are.
bool ArePlain(const char* bytes) {
  constexpr uint64_t kEach = 0x0101'0101'0101'0101;
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  // Each term has the high bit of a byte set that is not plain, and of no other unless one is.
  uint64_t control = word - kEach * 0x20;
  uint64_t quote = (word ^ kEach * '"') - kEach;
  uint64_t backslash = (word ^ kEach * '\\') - kEach;
  return ((word | control | quote | backslash) & kEach * 0x80) == 0;
}

// Calls `append` with the pieces of a quoted string.
template <typename Append>
void QuoteString(std::string_view text, Append append) {
  append("\"");
  size_t copied = 0;
  size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at >= 8 && ArePlain(text.data() + at)) {
      at += 8;
      continue;
    }
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
    append(text.substr(copied, at - copied));
    if (byte_class == ByteClass::kEscape) {
      std::array<char, 6> escape;
      char* end = WriteEscape(byte, escape.data());
      append({escape.data(), static_cast<size_t>(end - escape.data())});
    } else {
      append(kUtf8Replacement);
    }
    copied = ++at;
  }
  append(text.substr(copied));
  append("\"");
}

// REQUIRES: < 100.
void WriteTwoDigits(unsigned value, char* out) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

struct Date {
  unsigned year;
  unsigned month;
  unsigned day;
};

// The proleptic Gregorian date of a day counted from 0000-03-01, by eras of 400 years that start in
// March, so that the leap day comes last.
Date DateOfDay(unsigned day) {
  constexpr unsigned kDaysPerEra = 146'097;
  unsigned era = day / kDaysPerEra;
  unsigned of_era = day % kDaysPerEra;
  unsigned year = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
  unsigned month = (5 * of_year + 2) / 153;  // 0 is March
  unsigned of_month = of_year - (153 * month + 2) / 5 + 1;
  month = month < 10 ? month + 3 : month - 9;
  return {year + era * 400 + (month <= 2 ? 1 : 0), month, of_month};
}

// `value`: a Value or a ValueElement.
template <typename Scalar>
void AppendScalar(const Scalar& value, DataType type, std::string* out) {
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

}  // namespace

char* WriteJsonString(std::string_view text, char* out) {
  QuoteString(text, [&out](std::string_view piece) { out = Write(piece, out); });
  return out;
}

char* WriteJsonBytes(std::string_view bytes, char* out) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  *out++ = '"';
  for (size_t i = 0; i < bytes.size(); i += 3) {
    size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0);
    }
    for (size_t j = 0; j < 4; ++j) {
      *out++ = j <= count ? kDigits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  *out++ = '"';
  return out;
}

char* WriteJsonInt(int64_t value, char* out) {
  auto size = static_cast<uint64_t>(value);
  if (value < 0) {
    *out++ = '-';
    size = -size;
  }
  return WriteDigits(size, out);
}

char* WriteJsonDouble(double value, char* out) {
  if (std::isnan(value)) return Write("null", out);
  if (std::isinf(value)) return Write(value > 0 ? "\"Infinity\"" : "\"-Infinity\"", out);
  // Many readers take -0 as the integer 0.
  if (value == 0) return Write(std::signbit(value) ? "-0.0" : "0", out);
  return WriteShortestDouble(value, out);
}

char* WriteJsonTime(int64_t micros, char* out) {
  if (micros < kMinTime || micros > kMaxTime) {  // not four digits of year: rare, so not here
    *out++ = '"';
    out = Write(FormatTime(micros), out);
    *out++ = '"';
    return out;
  }
  constexpr uint64_t kMicrosPerDay = 86'400 * uint64_t{kMicrosPerSecond};
  constexpr uint64_t kDaysTo1970 = 719'468;  // from 0000-03-01
  const uint64_t since_march = static_cast<uint64_t>(micros) + kDaysTo1970 * kMicrosPerDay;
  const uint64_t of_day = since_march % kMicrosPerDay;
  const auto seconds = static_cast<unsigned>(of_day / kMicrosPerSecond);
  const auto fraction = static_cast<unsigned>(of_day % kMicrosPerSecond);
  const Date date = DateOfDay(static_cast<unsigned>(since_march / kMicrosPerDay));
  Write("\"0000-00-00T00:00:00.", out);
  WriteTwoDigits(date.year / 100, out + 1);
  WriteTwoDigits(date.year % 100, out + 3);
  WriteTwoDigits(date.month, out + 6);
  WriteTwoDigits(date.day, out + 9);
  WriteTwoDigits(seconds / 3'600, out + 12);
  WriteTwoDigits(seconds / 60 % 60, out + 15);
  WriteTwoDigits(seconds % 60, out + 18);
  WriteEightDigits(fraction * 100, out + 21);  // the last two are written over
  return Write("Z\"", out + 27);
}

void AppendJsonString(std::string_view text, std::string* out) {
  QuoteString(text, [out](std::string_view piece) { *out += piece; });
}

void AppendJsonBytes(std::string_view bytes, std::string* out) {
  size_t before = out->size();
  out->resize(before + MaxJsonBytes(bytes.size()));
  WriteJsonBytes(bytes, out->data() + before);  // always the longest form
}

void AppendJsonInt(int64_t value, std::string* out) {
  std::array<char, kMaxJsonInt> text;
  out->append(text.data(), WriteJsonInt(value, text.data()));
}

void AppendJsonDouble(double value, std::string* out) {
  std::array<char, kMaxJsonDouble> text;
  out->append(text.data(), WriteJsonDouble(value, text.data()));
}

void AppendJsonTime(int64_t micros, std::string* out) {
  std::array<char, kMaxJsonTime> text;
  out->append(text.data(), WriteJsonTime(micros, text.data()));
}

void AppendJsonValue(const Value& value, DataType type, std::string* out) {
  if (IsNull(value)) {
    *out += "null";
  } else if (!IsList(type)) {
    AppendScalar(value, type, out);
  } else {
    *out += '[';
    for (const ValueElement& element : std::get<ValueList>(value)) {
      if (out->back() != '[') *out += ',';
      AppendScalar(element, ElementType(type), out);
    }
    *out += ']';
  }
}

}  // namespace forebay
