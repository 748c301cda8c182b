// What a feature view keeps per key, worked out once from its definition: which tiles, what lies in
// a tile, and how features are read from them.
//
// Windows that share a hop share tiles: a level is the tiles of one hop, kept as long as its
// longest window needs them. Aggregates that can be kept together are: count, sum, min and max of
// one input are one summary. Immutable, shared by all keys and threads.
#ifndef FOREBAY_ENGINE_STATE_VIEW_PLAN_H_
#define FOREBAY_ENGINE_STATE_VIEW_PLAN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/aggregate/aggregate.h"
#include "engine/window/window.h"

namespace forebay {

namespace v1 {
class FeatureView;
}

// What an aggregate reads: a column, of the events that pass a filter. Aggregates with equal
// arguments and filters that treat nulls alike share one.
struct InputPlan {
  int aggregate = 0;  // one that reads it: index into FeatureView.aggregates
  bool takes_nulls = false;
};

// One partial inside the tiles of a level: of one aggregate, or a summary of several (summary.h).
struct TileSlot {
  AggregateFunctions functions;  // finalize is a feature's own
  int input = 0;                 // index into ViewPlan.inputs
  int word = 0;                  // its first word, counted from the tile's first
  int blob = 0;                  // its first blob
  Word parameter = 0;            // AggregateInput.parameter
};

// The tiles of one hop. A tile is `words` words: its start in microseconds; if the level has blobs,
// the address of an array of them (std::string*); then the partials.
struct TileLevel {
  static constexpr int kStart = 0;
  static constexpr int kBlobs = 1;  // only if blobs > 0

  int64_t hop = 0;   // 0: lifetime
  int64_t stay = 0;  // the latest Leaves(start) - start of its windows; kNever: lifetime
  int words = 1;     // per tile
  int blobs = 0;     // per tile
  std::vector<TileSlot> slots;
  std::vector<int> windows;         // indices into ViewPlan.windows
  std::vector<int64_t> boundaries;  // how long after its start a tile enters or leaves a window

  // Whether a window of the level holds, or waits for, the tile at `t`.
  bool Keeps(int64_t start, int64_t t) const { return hop == 0 || start + stay > t; }
};

// What the features of a window read from one of its partials, once that is merged.
struct PartialPlan {
  int slot = 0;              // of the window's level
  PartialReadings readings;  // what AggregateFunctions.read gives, if the slot has one
  struct Feature {
    int column = 0;  // index into FeatureView.features
    Scalar (*finalize)(const Word* words, const std::string* blobs) = nullptr;
  };
  std::vector<Feature> features;  // else
};

struct WindowPlan {
  Window window;
  int level = 0;
  int64_t stay = 0;  // Leaves(start) - start; kNever: lifetime
  // Where its merged partials lie in a scratch area for all windows of the view.
  int scratch_word = 0;
  int scratch_blob = 0;
  std::vector<PartialPlan> partials;
  std::vector<int> columns;  // of its features: indices into FeatureView.features
};

class ViewPlan {
 public:
  // Errors: INTERNAL for a view that the checker should not have let through.
  static absl::StatusOr<ViewPlan> Make(const v1::FeatureView& view);

  const std::vector<InputPlan>& inputs() const { return inputs_; }
  const std::vector<int>& input_of_aggregate() const { return input_of_aggregate_; }
  // The coarsest hop first: the tiles that come and go most lie last.
  const std::vector<TileLevel>& levels() const { return levels_; }
  const std::vector<WindowPlan>& windows() const { return windows_; }
  // S12: change records only at multiples of this many microseconds; 0: of every step.
  int64_t emit_every() const { return emit_every_; }
  // All boundaries are multiples of this many microseconds; 0: there are none.
  int64_t boundary_grid() const { return boundary_grid_; }
  // What lies before a key's tiles: how many each level has (uint32), and, of views that emit, the
  // known time of the last step.
  size_t count_words() const { return count_words_; }
  size_t head_words() const { return head_words_; }
  // Of a tile of every level: what the first event of a key needs.
  size_t event_words() const { return event_words_; }
  int feature_count() const { return feature_count_; }
  int scratch_words() const { return scratch_words_; }
  int scratch_blobs() const { return scratch_blobs_; }
  // Whether tiles of some level have any.
  bool has_blobs() const { return scratch_blobs_ > 0; }
  // What a missing key and a delete row hold, one per feature (S19). Strings point into the plan.
  const std::vector<Scalar>& defaults() const { return defaults_; }

 private:
  class Builder;

  std::vector<InputPlan> inputs_;
  std::vector<int> input_of_aggregate_;  // parallel to FeatureView.aggregates
  std::vector<TileLevel> levels_;
  std::vector<WindowPlan> windows_;
  int64_t emit_every_ = 0;
  int64_t boundary_grid_ = 0;
  size_t count_words_ = 0;
  size_t head_words_ = 0;
  size_t event_words_ = 0;
  int feature_count_ = 0;
  int scratch_words_ = 0;
  int scratch_blobs_ = 0;
  std::vector<Scalar> defaults_;
  std::vector<std::unique_ptr<std::string>> default_strings_;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_VIEW_PLAN_H_
