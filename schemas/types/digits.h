// Numbers as decimal digits, eight at a time. They are written in whole words: out needs room for
// more than the digits.
#ifndef FOREBAY_SCHEMAS_TYPES_DIGITS_H_
#define FOREBAY_SCHEMAS_TYPES_DIGITS_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace forebay {

static_assert(std::endian::native == std::endian::little, "digits lie in a word in their order");

// Room for WriteDigits.
inline constexpr size_t kDigitsRoom = 24;

// The eight digits of a number, one in each byte, the first in the lowest. REQUIRES: < 10^8.
inline uint64_t EightDigits(uint32_t value) {
  constexpr uint64_t kFirstOfFour = 0x0000'007F'0000'007F;
  constexpr uint64_t kFirstOfTwo = 0x000F'000F'000F'000F;
  uint64_t fours = value / 10'000 | uint64_t{value % 10'000} << 32;
  uint64_t hundreds = fours * 10'486 >> 20 & kFirstOfFour;  // fours / 100, in each half
  uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
  uint64_t tens = twos * 103 >> 10 & kFirstOfTwo;  // twos / 10, in each quarter
  return tens | (twos - tens * 10) << 8;
}

inline constexpr uint64_t kEightZeros = 0x3030'3030'3030'3030;

// With leading zeros.
inline char* WriteEightDigits(uint32_t value, char* out) {
  uint64_t text = EightDigits(value) | kEightZeros;
  std::memcpy(out, &text, sizeof text);
  return out + sizeof text;
}

// Without them, at least one digit. REQUIRES: < 10^8.
inline char* WriteFewDigits(uint32_t value, char* out) {
  uint64_t digits = EightDigits(value);
  int zeros = std::countr_zero(digits | uint64_t{1} << 56) / 8;
  uint64_t text = (digits | kEightZeros) >> 8 * zeros;
  std::memcpy(out, &text, sizeof text);
  return out + sizeof text - zeros;
}

// Returns the end.
inline char* WriteDigits(uint64_t value, char* out) {
  constexpr uint64_t kEight = 100'000'000;
  if (value < kEight) return WriteFewDigits(static_cast<uint32_t>(value), out);
  uint64_t high = value / kEight;
  if (high < kEight) {
    out = WriteFewDigits(static_cast<uint32_t>(high), out);
  } else {
    out = WriteFewDigits(static_cast<uint32_t>(high / kEight), out);
    out = WriteEightDigits(static_cast<uint32_t>(high % kEight), out);
  }
  return WriteEightDigits(static_cast<uint32_t>(value % kEight), out);
}

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_DIGITS_H_
