// The order of values, the same for comparisons, in, greatest and least. Strings go by bytes.
#ifndef FOREBAY_ENGINE_EXPRESSION_ORDER_H_
#define FOREBAY_ENGINE_EXPRESSION_ORDER_H_

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

}  // namespace forebay

#endif  // FOREBAY_ENGINE_EXPRESSION_ORDER_H_
