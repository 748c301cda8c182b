// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
#ifndef FOREBAY_SCHEMAS_TYPES_UTF8_H_
#define FOREBAY_SCHEMAS_TYPES_UTF8_H_

#include <cstddef>

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

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_UTF8_H_
