// Walks over one JSON text, strictly (RFC 8259): what it passes over is well-formed, UTF-8 and
// escapes included.
//
//   scanner.Start(text);
//   scanner.Take('{') && scanner.ReadString(&name) && scanner.Take(':') && scanner.SkipValue() ...
//
// A call that fails returns false and sets problem(); the scanner then stands where it found it.
// All but Start and AtEnd skip white space first. Not thread-safe.
#ifndef FOREBAY_CONNECTORS_DECODE_JSON_SCANNER_H_
#define FOREBAY_CONNECTORS_DECODE_JSON_SCANNER_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace forebay {

class JsonScanner {
 public:
  // Bytes that may be read, and are 0, after the text: more than any name compared in place.
  static constexpr size_t kPadding = 64;
  // Of arrays and objects within the value that SkipValue skips.
  static constexpr int kMaxDepth = 256;

  struct Number {
    bool negative = false;
    bool integer = true;    // no fraction and no exponent
    bool exact = true;      // `digits` holds all digits
    uint64_t digits = 0;    // all digits of integer and fraction, as one integer
    int64_t exponent = 0;   // of ten: the number is digits * 10^exponent
    std::string_view text;  // as it stands
  };

  // Copies the text. Allocates only for one longer than all before it.
  void Start(std::string_view text);

  // The next byte that is not white space; 0 at the end (or for a zero byte, which is no JSON).
  char Peek() {
    while (static_cast<unsigned char>(*at_) <= ' ' && IsSpace(*at_)) ++at_;
    return *at_;
  }

  bool Take(char expected) {
    if (Peek() != expected) return Expected(expected);
    ++at_;
    return true;
  }

  // Takes what stands next if it is that, and says so; no failure.
  bool TakeIf(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }
  bool TakeIf(std::string_view word) {
    if (Peek() != word.front() || std::memcmp(at_, word.data(), word.size()) != 0) return false;
    at_ += word.size();
    return true;
  }

  // A string, its escapes resolved; valid until the next Start.
  bool ReadString(std::string_view* out);

  bool ReadNumber(Number* out);

  // Any value.
  bool SkipValue() { return SkipValue(0); }

  // Only white space is left.
  bool AtEnd() { return Peek() == 0 && at_ == end_; }

  // Where the scanner stands; up to kPadding bytes can be read.
  const char* at() const { return at_; }
  // REQUIRES: within the text, and not within a value.
  void MoveTo(const char* at) { at_ = at; }

  // What stands next, shortened, in UTF-8, for messages.
  std::string Excerpt();

  bool Fail(const char* what);
  // "an unescaped control character in a string at byte 12"
  const std::string& problem() const { return problem_; }

 private:
  static bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
  static bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

  const char* FindSpecial(const char* at) const;
  bool ReadEscaped(const char* begin, std::string_view* out);
  bool ReadEscape();
  bool ReadHex(uint32_t* out);
  bool SkipValue(int depth);
  bool SkipArray(int depth);
  bool SkipObject(int depth);
  bool Expected(char c);

  const char* at_ = nullptr;
  const char* end_ = nullptr;
  std::vector<char> buffer_;  // the text and its padding
  std::string unescaped_;     // strings that had escapes; never grows beyond its capacity
  std::string problem_;
};

// The first byte from `at` on that does not stand for itself in a string: a quote, a backslash, a
// control character or a byte of 0x80 or above. The padding ends every search.
inline const char* JsonScanner::FindSpecial(const char* at) const {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i space = _mm_set1_epi8(' ');
  for (;; at += 16) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    __m128i special = _mm_cmplt_epi8(bytes, space);  // signed: 0x80 and above are negative
    special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, quote));
    special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, backslash));
    int mask = _mm_movemask_epi8(special);
    if (mask != 0) return at + __builtin_ctz(static_cast<unsigned>(mask));
  }
#else
  for (;; ++at) {
    auto byte = static_cast<unsigned char>(*at);
    if (byte < ' ' || byte >= 0x80 || byte == '"' || byte == '\\') return at;
  }
#endif
}

inline bool JsonScanner::ReadString(std::string_view* out) {
  if (Peek() != '"') return Expected('"');
  const char* begin = ++at_;
  const char* special = FindSpecial(begin);
  if (*special != '"') return ReadEscaped(begin, out);
  *out = {begin, static_cast<size_t>(special - begin)};
  at_ = special + 1;
  return true;
}

inline bool JsonScanner::ReadNumber(Number* out) {
  Peek();
  const char* begin = at_;
  *out = {};
  out->negative = *at_ == '-';
  if (out->negative) ++at_;
  const char* first = at_;
  uint64_t digits = 0;
  while (IsDigit(*at_)) digits = digits * 10 + static_cast<uint64_t>(*at_++ - '0');
  int64_t count = at_ - first;
  if (count == 0) return Fail("a digit is missing");
  if (*first == '0' && count > 1) return Fail("a number has a leading zero");
  if (*at_ == '.') {
    out->integer = false;
    const char* fraction = ++at_;
    while (IsDigit(*at_)) digits = digits * 10 + static_cast<uint64_t>(*at_++ - '0');
    if (at_ == fraction) return Fail("a digit is missing");
    out->exponent = fraction - at_;
    count -= out->exponent;
  }
  if (*at_ == 'e' || *at_ == 'E') {
    constexpr int64_t kEnough = 1'000'000'000'000;  // more digits than any text has
    out->integer = false;
    bool negative = *++at_ == '-';
    if (*at_ == '-' || *at_ == '+') ++at_;
    if (!IsDigit(*at_)) return Fail("a digit is missing");
    int64_t exponent = 0;
    for (; IsDigit(*at_); ++at_) {
      if (exponent < kEnough) exponent = exponent * 10 + (*at_ - '0');
    }
    out->exponent += negative ? -exponent : exponent;
  }
  out->digits = digits;
  out->exact = count <= 19;  // 10^19 - 1 fits in 64 bits
  out->text = {begin, static_cast<size_t>(at_ - begin)};
  return true;
}

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_JSON_SCANNER_H_
