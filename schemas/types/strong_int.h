// Integers that must not mix: a position is not a time, an event time is not a known time.
//
//   using Offset = StrongInt<struct OffsetTag, int64_t>;
//   Offset next = Offset(7) + 1;
#ifndef FOREBAY_SCHEMAS_TYPES_STRONG_INT_H_
#define FOREBAY_SCHEMAS_TYPES_STRONG_INT_H_

#include <compare>
#include <cstdint>
#include <functional>
#include <limits>

namespace forebay {

template <typename Tag, typename Int>
class StrongInt {
 public:
  constexpr StrongInt() = default;
  constexpr explicit StrongInt(Int value) : value_(value) {}

  constexpr Int value() const { return value_; }

  static constexpr StrongInt Min() { return StrongInt(std::numeric_limits<Int>::min()); }
  static constexpr StrongInt Max() { return StrongInt(std::numeric_limits<Int>::max()); }

  constexpr auto operator<=>(const StrongInt&) const = default;
  constexpr StrongInt operator+(Int n) const { return StrongInt(value_ + n); }
  constexpr StrongInt operator-(Int n) const { return StrongInt(value_ - n); }

  template <typename H>
  friend H AbslHashValue(H h, StrongInt v) {
    return H::combine(std::move(h), v.value_);
  }

 private:
  Int value_ = 0;
};

using Offset = StrongInt<struct OffsetTag, int64_t>;
using PartitionId = StrongInt<struct PartitionIdTag, int32_t>;
// Microseconds since the epoch, UTC; the three axes never mix.
using EventTime = StrongInt<struct EventTimeTag, int64_t>;
using KnownTime = StrongInt<struct KnownTimeTag, int64_t>;
using EffectiveTime = StrongInt<struct EffectiveTimeTag, int64_t>;

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_STRONG_INT_H_
