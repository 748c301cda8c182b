#include "connectors/decode/base64.h"

#include <array>
#include <cstdint>

namespace forebay {
namespace {

constexpr uint8_t kNotADigit = 0xFF;

constexpr std::array<uint8_t, 256> kDigits = [] {
  std::array<uint8_t, 256> digits{};
  digits.fill(kNotADigit);
  uint8_t value = 0;
  for (char c = 'A'; c <= 'Z'; ++c) digits[c] = value++;
  for (char c = 'a'; c <= 'z'; ++c) digits[c] = value++;
  for (char c = '0'; c <= '9'; ++c) digits[c] = value++;
  digits['+'] = value++;
  digits['/'] = value++;
  return digits;
}();

}  // namespace

bool DecodeBase64(std::string_view text, std::string* out) {
  out->clear();
  if (text.size() % 4 == 0 && text.ends_with('=')) {
    text.remove_suffix(text.ends_with("==") ? 2 : 1);
  }
  if (text.size() % 4 == 1) return false;
  uint32_t group = 0;
  int bits = 0;
  for (char c : text) {
    uint8_t digit = kDigits[static_cast<unsigned char>(c)];
    if (digit == kNotADigit) return false;
    group = group << 6 | digit;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      *out += static_cast<char>(group >> bits);
    }
  }
  return true;
}

}  // namespace forebay
