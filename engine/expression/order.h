// The order of values, the same for comparisons, in, greatest and least. Strings go by bytes.
#ifndef FOREBAY_ENGINE_EXPRESSION_ORDER_H_
#define FOREBAY_ENGINE_EXPRESSION_ORDER_H_

#include <cstdint>
#include <cstring>
#include <string_view>

namespace forebay {

template <typename T>
bool EqualValues(T a, T b) {
  return a == b;
}

template <typename T>
bool LessValues(T a, T b) {
  return a < b;
}

// NaN equals itself and is greater than everything else; -0.0 equals 0.0.
template <>
inline bool EqualValues<double>(double a, double b) {
  return (a == b) | ((a != a) & (b != b));
}

template <>
inline bool LessValues<double>(double a, double b) {
  return (a < b) | ((a == a) & (b != b));
}

// The `size` bytes at a and b, for up to 16: two loads each that may overlap instead of a call.
inline bool EqualBytes(const char* a, const char* b, size_t size) {
  const auto differ = [&](auto word) {
    decltype(word) first[2], last[2];
    std::memcpy(&first[0], a, sizeof(word));
    std::memcpy(&first[1], b, sizeof(word));
    std::memcpy(&last[0], a + size - sizeof(word), sizeof(word));
    std::memcpy(&last[1], b + size - sizeof(word), sizeof(word));
    return ((first[0] ^ first[1]) | (last[0] ^ last[1])) != 0;
  };
  if (size >= 8) return !differ(uint64_t{0});
  if (size >= 4) return !differ(uint32_t{0});
  if (size >= 2) return !differ(uint16_t{0});
  return size == 0 || *a == *b;
}

template <>
inline bool EqualValues<std::string_view>(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  if (a.size() <= 16) return EqualBytes(a.data(), b.data(), a.size());
  return std::memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace forebay

#endif  // FOREBAY_ENGINE_EXPRESSION_ORDER_H_
