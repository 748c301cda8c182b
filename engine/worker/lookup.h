// What a lookup of one key of one view answers, before names and formats.
#ifndef FOREBAY_ENGINE_WORKER_LOOKUP_H_
#define FOREBAY_ENGINE_WORKER_LOOKUP_H_

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "schemas/types/strong_int.h"
#include "schemas/types/value.h"

namespace forebay {

struct ViewRow {
  bool found = false;            // false: no live key; `values` hold the features' defaults
  std::vector<Value> values;     // one per feature of the view, in its order
  EffectiveTime effective_time;  // of the last step at or before `at`; meaningless if not found
  EventTime event_time;          // the largest applied; meaningless if not found
  KnownTime at;                  // the time the values are of
};

// Answers finalize(state, max(at, L)) (S7). `view` indexes Project.feature_views, `key` is the
// encoded entity key (EncodeKey). No `at`: the partition clock where the source declares
// known_time: event_time, else the wall clock. Errors: UNAVAILABLE while the tasks that could hold
// the key are not running here yet. Thread-safe.
using LookupFunction = std::function<absl::StatusOr<ViewRow>(int view, std::string_view key,
                                                             std::optional<KnownTime> at)>;

}  // namespace forebay

#endif  // FOREBAY_ENGINE_WORKER_LOOKUP_H_
