// When a window holds a tile: the arithmetic of SEMANTICS S13, S14 and S17.
//
// A tile is the half-open span [start, start + hop) of event time, aligned to the epoch. At time t
// a window holds it iff Enters(start) <= t < Leaves(start).
//
//   sawtooth(W, H)  Enters: always         Leaves: start + H + W
//   tumbling(W)     Enters: start          Leaves: start + W       (H = W)
//   lifetime        Enters: always         Leaves: never           (one tile, start 0)
#ifndef FOREBAY_ENGINE_WINDOW_WINDOW_H_
#define FOREBAY_ENGINE_WINDOW_WINDOW_H_

#include <cstdint>
#include <limits>

#include "schemas/types/time.h"

namespace forebay {

// All times and widths in microseconds.
struct Window {
  enum class Kind : uint8_t { kSawtooth, kTumbling, kLifetime };
  static constexpr int64_t kAlways = std::numeric_limits<int64_t>::min();
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  Kind kind = Kind::kLifetime;
  int64_t size = 0;
  int64_t hop = 0;  // 0: lifetime

  bool operator==(const Window&) const = default;

  int64_t TileOf(int64_t event_time) const { return hop == 0 ? 0 : FloorTo(event_time, hop); }

  int64_t Enters(int64_t start) const { return kind == Kind::kTumbling ? start : kAlways; }

  int64_t Leaves(int64_t start) const {
    switch (kind) {
      case Kind::kSawtooth:
        return start + hop + size;
      case Kind::kTumbling:
        return start + size;
      case Kind::kLifetime:
        return kNever;
    }
    return kNever;
  }

  bool Holds(int64_t start, int64_t t) const { return Enters(start) <= t && t < Leaves(start); }
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_WINDOW_WINDOW_H_
