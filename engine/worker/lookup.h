// What a lookup of one key of one view answers, before names and formats.
#ifndef FOREBAY_ENGINE_WORKER_LOOKUP_H_
#define FOREBAY_ENGINE_WORKER_LOOKUP_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/batch/event_batch.h"
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
// the key are not running here (yet): it says who has them. Thread-safe.
using LookupFunction = std::function<absl::StatusOr<ViewRow>(int view, std::string_view key,
                                                             std::optional<KnownTime> at)>;

// Where keys and partitions are that a worker does not have: what its answers say of others.
// Thread-safe; either may be empty.
struct Whereabouts {
  // The partition, of so many, of the key of a view; nullopt: whatever its producers chose.
  std::function<std::optional<PartitionId>(int view, std::string_view key, int partitions)>
      partition_of;
  // A clause that says who has these tasks, as far as is known; empty: it is not.
  std::function<std::string(absl::Span<const TaskId> tasks)> owners_of;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_WORKER_LOOKUP_H_
