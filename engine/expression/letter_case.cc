#include "engine/expression/letter_case.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>

namespace forebay {
namespace {

struct CaseRange {
  uint32_t first;
  uint32_t last;
  int32_t difference;
  uint32_t step;  // every code point, or every other one
};

#include "engine/expression/letter_case_table.inc"

uint32_t Map(std::span<const CaseRange> ranges, uint32_t code_point) {
  const auto range =
      std::lower_bound(ranges.begin(), ranges.end(), code_point,
                       [](const CaseRange& one, uint32_t wanted) { return one.last < wanted; });
  if (range == ranges.end() || code_point < range->first) return code_point;
  if ((code_point - range->first) % range->step != 0) return code_point;
  return code_point + static_cast<uint32_t>(range->difference);
}

// The code point of a sequence of `length` bytes; false if it is not one.
bool Decode(const char* bytes, int length, uint32_t* code_point) {
  const auto at = [&](int i) { return static_cast<uint8_t>(bytes[i]); };
  if (length < 2) return false;
  *code_point = at(0) & (0xFF >> (length + 1));
  for (int i = 1; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return false;
    *code_point = *code_point << 6 | (at(i) & 0x3F);
  }
  return true;
}

char* Encode(uint32_t code_point, char* out) {
  const auto put = [&](uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3F));
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
  return out;
}

size_t Convert(std::string_view text, std::span<const CaseRange> ranges, char first_ascii,
               char* out) {
  char* const start = out;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (static_cast<uint8_t>(c) < 0x80) {
      const bool letter = c >= first_ascii && c < first_ascii + 26;
      *out++ = letter ? static_cast<char>(c ^ 0x20) : c;
      ++i;
      continue;
    }
    const int length =
        static_cast<int>(std::min<size_t>(static_cast<size_t>(SequenceLength(c)), text.size() - i));
    uint32_t code_point = 0;
    if (Decode(text.data() + i, length, &code_point)) {
      const uint32_t mapped = Map(ranges, code_point);
      if (mapped != code_point) {
        out = Encode(mapped, out);
        i += static_cast<size_t>(length);
        continue;
      }
    }
    out = std::copy_n(text.data() + i, length, out);
    i += static_cast<size_t>(length);
  }
  return static_cast<size_t>(out - start);
}

}  // namespace

size_t ToLower(std::string_view text, char* out) { return Convert(text, kToLower, 'A', out); }
size_t ToUpper(std::string_view text, char* out) { return Convert(text, kToUpper, 'a', out); }

}  // namespace forebay
