// The seam to the wall clock. Only lookups of sources in real time ask it (S7); tasks never do.
#ifndef FOREBAY_ENGINE_WORKER_CLOCK_H_
#define FOREBAY_ENGINE_WORKER_CLOCK_H_

#include "absl/time/clock.h"
#include "schemas/types/strong_int.h"

namespace forebay {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual KnownTime Now() const = 0;
};

class WallClock final : public Clock {
 public:
  KnownTime Now() const override { return KnownTime(absl::ToUnixMicros(absl::Now())); }
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_WORKER_CLOCK_H_
