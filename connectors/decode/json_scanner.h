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

#include <bit>
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

  // The plain forms that nearly all values have, without state: where they end; null where there is
  // another form, or none. `at` is a place within the text of a scanner that is no white space.
  struct PlainNumber {
    uint64_t digits;
    int fraction;  // digits after the point: the number is digits / 10^fraction
    bool negative;
  };
  static constexpr int kPlainDigits = 18;               // what fits in an int64 in any case
  static const char* AfterPlainString(const char* at);  // no escapes, ASCII
  static const char* AfterPlainNumber(const char* at, PlainNumber* out);  // no exponent
  static const char* AfterPlainNumber(const char* at);

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

  // Appends digits to `value`, modulo 2^64.
  static const char* AfterDigits(const char* at, uint64_t* value);
  static const char* AfterLongNumber(const char* first, PlainNumber* out);
  static const char* FindSpecial(const char* at);
  bool ReadExponent(Number* out);
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
inline const char* JsonScanner::FindSpecial(const char* at) {
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

// Eight bytes, the first being the lowest. REQUIRES: they can be read.
inline uint64_t LoadEight(const char* at) {
  static_assert(std::endian::native == std::endian::little);
  uint64_t bytes;
  std::memcpy(&bytes, at, 8);
  return bytes;
}

// Marks those of eight bytes that are no digits, by their highest bits: all up to the first that is
// none, and all if none of them is above 0x80.
inline uint64_t NonDigits(uint64_t bytes) {
  uint64_t digits = bytes ^ 0x3030303030303030u;  // 0 to 9
  return ((digits + 0x7676767676767676u) | digits) & 0x8080808080808080u;
}

inline int BytesBefore(uint64_t highest_bits) { return std::countr_zero(highest_bits) / 8; }

// The number that the first `count` of eight bytes stand for. REQUIRES: they are 1 to 8 digits.
inline uint64_t DigitsToNumber(uint64_t bytes, int count) {
  uint64_t digits = (bytes ^ 0x3030303030303030u) << (8 * (8 - count));  // zeros before
  digits = (digits * 10 + (digits >> 8)) & 0x00FF00FF00FF00FFu;          // pairs
  digits = (digits * 100 + (digits >> 16)) & 0x0000FFFF0000FFFFu;        // fours
  return (digits * 10'000 + (digits >> 32)) & 0xFFFFFFFFu;
}

inline constexpr uint64_t kPowersOfTen[] = {1,       10,        100,        1'000,      10'000,
                                            100'000, 1'000'000, 10'000'000, 100'000'000};

inline const char* JsonScanner::AfterDigits(const char* at, uint64_t* value) {
  for (;;) {
    uint64_t bytes = LoadEight(at);
    uint64_t others = NonDigits(bytes);
    int count = others == 0 ? 8 : BytesBefore(others);
    if (count == 0) return at;
    *value = *value * kPowersOfTen[count] + DigitsToNumber(bytes, count);
    at += count;
    if (count < 8) return at;
  }
}

inline const char* JsonScanner::AfterPlainString(const char* at) {
  if (*at != '"') return nullptr;
  const char* special = FindSpecial(at + 1);
  return *special == '"' ? special + 1 : nullptr;
}

inline const char* JsonScanner::AfterPlainNumber(const char* at, PlainNumber* out) {
  out->negative = *at == '-';
  const char* first = at + (out->negative ? 1 : 0);
  uint64_t bytes = LoadEight(first);
  uint64_t others = NonDigits(bytes);
  uint64_t behind_first = others & (others - 1);
  if (behind_first == 0) return AfterLongNumber(first, out);
  // The number and what follows it are within eight bytes.
  int count = BytesBefore(others);
  if (count == 0 || (count > 1 && *first == '0')) return nullptr;
  out->fraction = 0;
  if (first[count] == '.') {
    uint64_t whole = (uint64_t{1} << (8 * count)) - 1;
    bytes = (bytes & whole) | (bytes >> 8 & ~whole);
    out->fraction = BytesBefore(behind_first) - count - 1;
    if (out->fraction == 0) return nullptr;
    count += out->fraction;
    ++first;
  }
  out->digits = DigitsToNumber(bytes, count);
  at = first + count;
  return (*at | 0x20) == 'e' ? nullptr : at;
}

inline const char* JsonScanner::AfterPlainNumber(const char* at) {
  PlainNumber number;
  return AfterPlainNumber(at, &number);
}

inline bool JsonScanner::ReadString(std::string_view* out) {
  if (Peek() != '"') return Expected('"');
  const char* begin = at_ + 1;
  const char* after = AfterPlainString(at_);
  if (after == nullptr) {
    at_ = begin;
    return ReadEscaped(begin, out);
  }
  *out = {begin, static_cast<size_t>(after - begin - 1)};
  at_ = after;
  return true;
}

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_JSON_SCANNER_H_
