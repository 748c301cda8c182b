// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
#ifndef FOREBAY_SCHEMAS_TYPES_UTF8_H_
#define FOREBAY_SCHEMAS_TYPES_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace forebay {

// The length (2 to 4) of the well-formed sequence of more than one byte at the front of the `size`
// bytes at `text`; 0 if there is none.
inline size_t Utf8SequenceLength(const char* text, size_t size) {
  auto byte = [&](size_t i) -> unsigned {
    return i < size ? static_cast<unsigned char>(text[i]) : 0;
  };
  auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  unsigned lead = byte(0);
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return byte(1) >= low && byte(1) <= high && continues(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return byte(1) >= low && byte(1) <= high && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

inline bool IsAscii(std::string_view text) {
  const char* at = text.data();
  const char* end = at + text.size();
  auto load = [](const char* from, auto word) {
    std::memcpy(&word, from, sizeof(word));
    return word;
  };
  uint64_t bits = 0;
  if (text.size() >= 8) {
    for (; end - at > 8; at += 8) bits |= load(at, uint64_t{});
    bits |= load(end - 8, uint64_t{});
  } else if (text.size() >= 4) {
    bits = load(at, uint32_t{}) | load(end - 4, uint32_t{});
  } else {
    for (; at < end; ++at) bits |= static_cast<unsigned char>(*at);
  }
  return (bits & 0x8080808080808080u) == 0;
}

inline bool IsUtf8(std::string_view text) {
  if (IsAscii(text)) return true;
  for (size_t at = 0; at < text.size();) {
    bool ascii = static_cast<unsigned char>(text[at]) < 0x80;
    size_t length = ascii ? 1 : Utf8SequenceLength(text.data() + at, text.size() - at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

inline constexpr std::string_view kUtf8Replacement = "\xEF\xBF\xBD";  // U+FFFD

// The text with U+FFFD for each byte that is not part of a well-formed sequence.
inline std::string ToUtf8(std::string_view text) {
  std::string valid;
  for (size_t at = 0; at < text.size();) {
    bool ascii = (text[at] & 0x80) == 0;
    size_t length = ascii ? 1 : Utf8SequenceLength(text.data() + at, text.size() - at);
    valid += length > 0 ? text.substr(at, length) : kUtf8Replacement;
    at += length > 0 ? length : 1;
  }
  return valid;
}

// The longest that ToUtf8 makes of `bytes` bytes.
constexpr size_t MaxUtf8(size_t bytes) { return bytes * kUtf8Replacement.size(); }

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_UTF8_H_
