#include "engine/expression/text_number.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "absl/strings/charconv.h"
#include "absl/strings/match.h"
#include "fmt/format.h"

namespace forebay {
namespace {

std::string_view TrimSpaces(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\n\v\f\r";
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool AddDigit(int64_t digit, bool negative, int64_t* value) {
  return !__builtin_mul_overflow(*value, int64_t{10}, value) &&
         !__builtin_add_overflow(*value, negative ? -digit : digit, value);
}

std::string_view TakeDigits(std::string_view* text) {
  size_t count = 0;
  while (count < text->size() && IsDigit((*text)[count])) ++count;
  const std::string_view digits = text->substr(0, count);
  text->remove_prefix(count);
  return digits;
}

// "e-12" to the end.
bool ParseExponent(std::string_view text, int64_t* exponent) {
  if (!text.starts_with('e') && !text.starts_with('E')) return false;
  text.remove_prefix(1);
  if (text.starts_with('+')) text.remove_prefix(text.size() > 1 && text[1] == '-' ? 0 : 1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *exponent);
  return error == std::errc() && end == text.data() + text.size() &&
         std::abs(*exponent) < 1'000'000;
}

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool ParseInt64Text(std::string_view text, int64_t* value) {
  text = TrimSpaces(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const std::string_view whole = TakeDigits(&text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = TakeDigits(&text);
  }
  int64_t exponent = 0;
  if (whole.empty() && fraction.empty()) return false;
  if (!text.empty() && !ParseExponent(text, &exponent)) return false;

  const auto digits = static_cast<int64_t>(whole.size() + fraction.size());
  const auto digit = [&](int64_t i) -> int64_t {
    const auto at = static_cast<size_t>(i);
    return (at < whole.size() ? whole[at] : fraction[at - whole.size()]) - '0';
  };
  const int64_t point = static_cast<int64_t>(whole.size()) + exponent;
  *value = 0;
  for (int64_t i = 0; i < point && (i < digits || *value != 0); ++i) {
    if (!AddDigit(i < digits ? digit(i) : 0, negative, value)) return false;
  }
  if (point < 0 || point >= digits || digit(point) < 5) return true;
  return !__builtin_add_overflow(*value, negative ? -1 : 1, value);
}

bool ParseDoubleText(std::string_view text, double* value) {
  text = TrimSpaces(text);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return false;
  }
  if (text.empty() || text.back() == ')') return false;  // nan(...)
  const auto [end, error] = absl::from_chars(text.data(), text.data() + text.size(), *value);
  if (end != text.data() + text.size()) return false;
  if (error == std::errc::result_out_of_range) {
    const double limit = std::fabs(*value) > 1 ? std::numeric_limits<double>::infinity() : 0;
    *value = std::copysign(limit, *value);
    return true;
  }
  return error == std::errc();
}

bool ParseBoolText(std::string_view text, uint8_t* value) {
  const absl::string_view given(text.data(), text.size());
  for (const char* yes : {"true", "t", "yes", "y", "1"}) {
    if (absl::EqualsIgnoreCase(given, yes)) return *value = 1, true;
  }
  for (const char* no : {"false", "f", "no", "n", "0"}) {
    if (absl::EqualsIgnoreCase(given, no)) return *value = 0, true;
  }
  return false;
}

size_t FormatInt64(int64_t value, char* out) {
  return static_cast<size_t>(fmt::format_to(out, "{}", value) - out);
}

size_t FormatDouble(double value, char* out) {
  if (std::isnan(value)) value = std::fabs(value);  // the sign of a NaN means nothing
  char* end = fmt::format_to(out, "{}", value);
  const std::string_view text(out, static_cast<size_t>(end - out));
  if (text.find_first_not_of("-0123456789") == std::string_view::npos) {
    *end++ = '.';
    *end++ = '0';
  }
  return static_cast<size_t>(end - out);
}

size_t FormatBytes(std::string_view bytes, char* out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  char* const start = out;
  for (const char c : bytes) {
    if (c >= ' ' && c <= '~' && c != '\\' && c != '\'' && c != '"') {
      *out++ = c;
      continue;
    }
    const auto byte = static_cast<uint8_t>(c);
    *out++ = '\\';
    *out++ = 'x';
    *out++ = kHex[byte >> 4];
    *out++ = kHex[byte & 0xF];
  }
  return static_cast<size_t>(out - start);
}

bool ParseBytesText(std::string_view text, char* out, size_t* size) {
  char* const start = out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (static_cast<uint8_t>(text[i]) >= 0x80) return false;
    if (text[i] != '\\') {
      *out++ = text[i];
      continue;
    }
    if (i + 3 >= text.size() || text[i + 1] != 'x') return false;
    const int high = HexDigit(text[i + 2]);
    const int low = HexDigit(text[i + 3]);
    if (high < 0 || low < 0) return false;
    *out++ = static_cast<char>(high << 4 | low);
    i += 3;
  }
  *size = static_cast<size_t>(out - start);
  return true;
}

}  // namespace forebay
