// Integers of events as times.
#ifndef FOREBAY_CONNECTORS_DECODE_TIMESTAMP_UNIT_H_
#define FOREBAY_CONNECTORS_DECODE_TIMESTAMP_UNIT_H_

#include <cstdint>
#include <limits>

#include "forebay/v1/definition.pb.h"
#include "schemas/types/time.h"

namespace forebay {

// `value` of the encoding's unit, floored to microseconds. Times that do not fit become the nearest
// that do; `fits` says so. REQUIRES: not RFC3339.
inline int64_t ToMicros(int64_t value, v1::TimeEncoding encoding, bool* fits) {
  *fits = true;
  if (encoding == v1::MICROSECONDS) return value;
  if (encoding == v1::NANOSECONDS) return value / 1'000 - (value % 1'000 < 0 ? 1 : 0);
  int64_t micros;
  *fits = !__builtin_mul_overflow(
      value, encoding == v1::SECONDS ? kMicrosPerSecond : kMicrosPerSecond / 1'000, &micros);
  if (*fits) return micros;
  return value < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

// Whether it is the nearest to what does not fit. Only seconds and milliseconds can be too large,
// and no time in these is one of the two.
inline bool IsSaturated(int64_t micros) {
  return micros == std::numeric_limits<int64_t>::min() ||
         micros == std::numeric_limits<int64_t>::max();
}

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_TIMESTAMP_UNIT_H_
