// Numbers, truth values and bytes as text: the meaning of casts from and to text.
#ifndef FOREBAY_ENGINE_EXPRESSION_TEXT_NUMBER_H_
#define FOREBAY_ENGINE_EXPRESSION_TEXT_NUMBER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace forebay {

// Each returns false if the text is not a value of its kind; `value` is undefined then.

// " -12.5e3 ": spaces around, a sign, digits, an exponent; a fraction is rounded, halves away from
// zero.
bool ParseInt64Text(std::string_view text, int64_t* value);

// As in C, with "inf", "infinity" and "nan" in any case; too large is an infinity, too small is
// zero.
bool ParseDoubleText(std::string_view text, double* value);

// true, t, yes, y, 1 and false, f, no, n, 0, in any case.
bool ParseBoolText(std::string_view text, uint8_t* value);

// Room for every number below.
inline constexpr size_t kMaxNumberText = 32;

size_t FormatInt64(int64_t value, char* out);

// The shortest text that reads back as the same double: "0.1", "100.0", "1e+20", "inf", "nan".
size_t FormatDouble(double value, char* out);

// Bytes are written as ASCII, with \xHH for what is not printable and for \ ' ". `out` has room for
// 4 * bytes.size().
size_t FormatBytes(std::string_view bytes, char* out);

// The reverse; every \ must start a \xHH. Not ASCII: false. `out` has room for text.size().
bool ParseBytesText(std::string_view text, char* out, size_t* size);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_EXPRESSION_TEXT_NUMBER_H_
