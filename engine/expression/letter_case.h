// Lower and upper case of UTF-8, one code point to one code point, independent of locale.
#ifndef FOREBAY_ENGINE_EXPRESSION_LETTER_CASE_H_
#define FOREBAY_ENGINE_EXPRESSION_LETTER_CASE_H_

#include <cstdint>
#include <string_view>

namespace forebay {

// The bytes of the UTF-8 sequence that starts with `lead`; 1 for a byte that starts none.
inline int SequenceLength(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// Room that the result may need.
inline constexpr size_t kCaseGrowth = 2;

// Writes `text` in lower (upper) case to `out`, which has text.size() * kCaseGrowth bytes; returns
// the bytes written. What is not UTF-8 stays as it is.
size_t ToLower(std::string_view text, char* out);
size_t ToUpper(std::string_view text, char* out);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_EXPRESSION_LETTER_CASE_H_
