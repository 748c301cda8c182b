#include "schemas/types/shortest_double.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "fmt/format.h"
#include "schemas/types/digits.h"

namespace forebay {
namespace {

// Up to here a double is closer to no other decimal of 15 digits than to the one it was read from,
// so that a decimal of two places which gives the double is its shortest.
constexpr double kMostHundredths = 1e15;

// Below this every whole number is a double.
constexpr double kMostWhole = 9007199254740992;

// A number of more zeros at the end is shorter with an exponent; one of that many is if it has one
// other digit: 1e+05, but 1200000.
constexpr int kMostZeros = 5;
constexpr uint64_t kWithMostZeros = 100'000;

// Puts a point behind the first `whole` digits.
char* InsertPoint(char* digits, char* end, ptrdiff_t whole) {
  char fraction[kDigitsRoom];
  std::memcpy(fraction, digits + whole, kDigitsRoom);
  digits[whole] = '.';
  std::memcpy(digits + whole + 1, fraction, kDigitsRoom);
  return end + 1;
}

// 1.25e-07
char* WriteScientific(char* digits, char* end, int exponent) {
  exponent += static_cast<int>(end - digits) - 1;
  if (end - digits > 1) end = InsertPoint(digits, end, 1);
  *end++ = 'e';
  *end++ = exponent < 0 ? '-' : '+';
  int size = std::abs(exponent);
  if (size < 10) *end++ = '0';
  return WriteDigits(static_cast<uint64_t>(size), end);
}

// 0.00125; 12.5; 12500
char* WriteFixed(char* digits, char* end, int exponent) {
  if (exponent >= 0) {
    std::memset(end, '0', kMostZeros);
    return end + exponent;
  }
  ptrdiff_t count = end - digits;
  ptrdiff_t zeros = -exponent - count;  // after the point
  if (zeros < 0) return InsertPoint(digits, end, count + exponent);
  std::memmove(digits + 2 + zeros, digits, static_cast<size_t>(count));
  std::memset(digits, '0', static_cast<size_t>(2 + zeros));
  digits[1] = '.';
  return end + 2 + zeros;
}

// Whichever of the two is shorter. REQUIRES: positive.
char* WriteAny(double value, char* out) {
  // Beyond, std::to_chars writes the digits that the double has in place of zeros.
  if (value >= kMostWhole) return std::to_chars(out, out + kShortestDoubleRoom - 1, value).ptr;
  auto [digits, exponent] = fmt::detail::dragonbox::to_decimal(value);
  char* end = WriteDigits(digits, out);
  int count = static_cast<int>(end - out);
  int point = count > 1 ? 1 : 0;  // what an exponent takes more
  bool fixed = exponent >= -(count + 2 + point) && exponent <= kMostZeros - 1 + point;
  return fixed ? WriteFixed(out, end, exponent) : WriteScientific(out, end, exponent);
}

// A decimal of at most two places. Null if `value` is none, or shorter with an exponent. REQUIRES:
// positive.
char* WriteHundredths(double value, char* out) {
  double scaled = value * 100;
  if (!(scaled < kMostHundredths)) return nullptr;
  auto hundredths = static_cast<uint64_t>(scaled + 0.5);
  if (static_cast<double>(hundredths) / 100 != value) return nullptr;
  uint64_t whole = hundredths / 100;
  auto fraction = static_cast<unsigned>(hundredths % 100);
  if (fraction == 0 && whole % kWithMostZeros == 0) return nullptr;
  out = WriteDigits(whole, out);
  out[0] = '.';
  out[1] = static_cast<char>('0' + fraction / 10);
  out[2] = static_cast<char>('0' + fraction % 10);
  return out + (fraction == 0 ? 0 : fraction % 10 == 0 ? 2 : 3);
}

}  // namespace

char* WriteShortestDouble(double value, char* out) {
  if (value < 0) {
    *out++ = '-';
    value = -value;
  }
  char* end = WriteHundredths(value, out);
  return end != nullptr ? end : WriteAny(value, out);
}

}  // namespace forebay
