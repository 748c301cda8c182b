#include "connectors/decode/json_scanner.h"

#include <algorithm>

#include "fmt/format.h"
#include "schemas/types/utf8.h"

namespace forebay {
namespace {

void AppendUtf8(uint32_t code_point, std::string* out) {
  auto byte = [out](uint32_t bits) { *out += static_cast<char>(bits); };
  if (code_point < 0x80) {
    byte(code_point);
  } else if (code_point < 0x800) {
    byte(0xC0 | code_point >> 6);
    byte(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    byte(0xE0 | code_point >> 12);
    byte(0x80 | (code_point >> 6 & 0x3F));
    byte(0x80 | (code_point & 0x3F));
  } else {
    byte(0xF0 | code_point >> 18);
    byte(0x80 | (code_point >> 12 & 0x3F));
    byte(0x80 | (code_point >> 6 & 0x3F));
    byte(0x80 | (code_point & 0x3F));
  }
}

bool IsHighSurrogate(uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool IsLowSurrogate(uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

}  // namespace

void JsonScanner::Start(std::string_view text) {
  size_t needed = text.size() + kPadding;
  if (buffer_.size() < needed) buffer_.resize(needed * 2);
  if (!text.empty()) std::memcpy(buffer_.data(), text.data(), text.size());
  std::memset(buffer_.data() + text.size(), 0, kPadding);
  at_ = buffer_.data();
  end_ = at_ + text.size();
  unescaped_.clear();
}

bool JsonScanner::Fail(const char* what) {
  problem_ = fmt::format("{} at byte {}", what, at_ - buffer_.data());
  return false;
}

bool JsonScanner::Expected(char c) {
  if (at_ == end_) {
    problem_ = fmt::format("it ends where {} is expected", c);
  } else {
    problem_ = fmt::format("{} is expected at byte {}", c, at_ - buffer_.data());
  }
  return false;
}

// A string with escapes, or with bytes of 0x80 and above. `begin` is after its quote.
bool JsonScanner::ReadEscaped(const char* begin, std::string_view* out) {
  // What a string stands for is never longer than the string, so views into `unescaped_` stay.
  if (unescaped_.capacity() < buffer_.size()) unescaped_.reserve(buffer_.size());
  const size_t first = unescaped_.size();
  const char* copied = begin;
  bool escaped = false;
  for (;;) {
    at_ = FindSpecial(at_);
    auto byte = static_cast<unsigned char>(*at_);
    if (byte >= 0x80) {
      size_t length = Utf8SequenceLength(at_, static_cast<size_t>(end_ - at_));
      if (length == 0) return Fail("a string is not UTF-8");
      at_ += length;
      continue;
    }
    if (byte < ' ') {
      return Fail(at_ == end_ ? "a string does not end" : "a string holds a control character");
    }
    if (byte == '"' && !escaped) break;
    unescaped_.append(copied, at_);
    if (byte == '"') break;
    escaped = true;
    ++at_;
    if (!ReadEscape()) return false;
    copied = at_;
  }
  *out = escaped ? std::string_view(unescaped_).substr(first)
                 : std::string_view(begin, static_cast<size_t>(at_ - begin));
  ++at_;
  return true;
}

// What follows a backslash.
bool JsonScanner::ReadEscape() {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  size_t letter = *at_ == 0 ? std::string_view::npos : kLetters.find(*at_);
  if (letter != std::string_view::npos) {
    unescaped_ += kMeanings[letter];
    ++at_;
    return true;
  }
  uint32_t unit;
  if (!ReadHex(&unit)) return false;
  if (IsLowSurrogate(unit)) return Fail("a string has half a surrogate pair before it ends");
  if (IsHighSurrogate(unit)) {
    uint32_t low;
    if (*at_ != '\\') return Fail("a string has half a surrogate pair");
    ++at_;
    if (!ReadHex(&low)) return false;
    if (!IsLowSurrogate(low)) return Fail("a string has half a surrogate pair");
    unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
  }
  AppendUtf8(unit, &unescaped_);
  return true;
}

// "u00e9"
bool JsonScanner::ReadHex(uint32_t* out) {
  if (*at_ != 'u') return Fail("a string has an unknown escape");
  *out = 0;
  for (int i = 1; i <= 4; ++i) {
    char c = at_[i];
    char lower = static_cast<char>(c | 0x20);
    uint32_t digit;
    if (IsDigit(c)) {
      digit = static_cast<uint32_t>(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      digit = static_cast<uint32_t>(lower - 'a' + 10);
    } else {
      return Fail("an escape has no four hexadecimal digits");
    }
    *out = *out << 4 | digit;
  }
  at_ += 5;
  return true;
}

// A plain number from its first digit on.
const char* JsonScanner::AfterLongNumber(const char* first, PlainNumber* out) {
  out->digits = 0;
  const char* at = AfterDigits(first, &out->digits);
  int64_t count = at - first;
  if (count == 0 || (count > 1 && *first == '0')) return nullptr;
  out->fraction = 0;
  if (*at == '.') {
    const char* fraction = at + 1;
    at = AfterDigits(fraction, &out->digits);
    if (at == fraction) return nullptr;
    count += at - fraction;
    if (count <= kPlainDigits) out->fraction = static_cast<int>(at - fraction);
  }
  return count > kPlainDigits || (*at | 0x20) == 'e' ? nullptr : at;
}

bool JsonScanner::ReadNumber(Number* out) {
  Peek();
  const char* begin = at_;
  *out = {};
  out->negative = *at_ == '-';
  if (out->negative) ++at_;
  const char* first = at_;
  at_ = AfterDigits(first, &out->digits);
  int64_t count = at_ - first;
  if (count == 0) return Fail("a digit is missing");
  if (*first == '0' && count > 1) return Fail("a number has a leading zero");
  if (*at_ == '.') {
    out->integer = false;
    const char* fraction = ++at_;
    at_ = AfterDigits(fraction, &out->digits);
    if (at_ == fraction) return Fail("a digit is missing");
    out->exponent = fraction - at_;
    count -= out->exponent;
  }
  if ((*at_ | 0x20) == 'e' && !ReadExponent(out)) return false;
  out->exact = count <= 19;  // 10^19 - 1 fits in 64 bits
  out->text = {begin, static_cast<size_t>(at_ - begin)};
  return true;
}

// From its letter on; added to that of the number.
bool JsonScanner::ReadExponent(Number* out) {
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
  return true;
}

bool JsonScanner::SkipValue(int depth) {
  std::string_view text;
  Number number;
  switch (Peek()) {
    case '"':
      return ReadString(&text);
    case '{':
      return SkipObject(depth + 1);
    case '[':
      return SkipArray(depth + 1);
    case 't':
      return TakeIf("true") || Fail("an unknown word");
    case 'f':
      return TakeIf("false") || Fail("an unknown word");
    case 'n':
      return TakeIf("null") || Fail("an unknown word");
    default:
      if (*at_ == '-' || IsDigit(*at_)) return ReadNumber(&number);
      return Fail(at_ == end_ ? "it ends where a value is expected" : "a value is expected");
  }
}

bool JsonScanner::SkipArray(int depth) {
  if (depth > kMaxDepth) return Fail("arrays and objects are nested more than 256 deep");
  ++at_;
  if (TakeIf(']')) return true;
  do {
    if (!SkipValue(depth)) return false;
  } while (TakeIf(','));
  return Take(']');
}

bool JsonScanner::SkipObject(int depth) {
  if (depth > kMaxDepth) return Fail("arrays and objects are nested more than 256 deep");
  ++at_;
  if (TakeIf('}')) return true;
  std::string_view name;
  do {
    if (!ReadString(&name) || !Take(':') || !SkipValue(depth)) return false;
  } while (TakeIf(','));
  return Take('}');
}

std::string JsonScanner::Excerpt() {
  constexpr size_t kMaxBytes = 60;
  Peek();
  std::string_view rest(at_, static_cast<size_t>(end_ - at_));
  if (rest.empty()) return "the end of the record";
  size_t length = 0;
  if (rest.starts_with('"')) {
    for (length = 1; length < rest.size() && rest[length] != '"'; ++length) {
      if (rest[length] == '\\') ++length;
    }
    ++length;
  } else {
    length = std::max<size_t>(1, std::min(rest.find_first_of(",]} \t\r\n"), rest.size()));
  }
  length = std::min(length, rest.size());
  std::string text;
  for (size_t i = 0; i < length;) {
    bool ascii = static_cast<unsigned char>(rest[i]) < 0x80;
    size_t step = ascii ? 1 : Utf8SequenceLength(rest.data() + i, rest.size() - i);
    if (text.size() + step > kMaxBytes) return text + "...";
    text += step == 0 ? "?" : rest.substr(i, step);
    i += std::max<size_t>(1, step);
  }
  return text;
}

}  // namespace forebay
