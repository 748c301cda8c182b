// What a feature view keeps per key, worked out once from its definition: which tiles, what lies in
// a tile, and how features are read from them.
//
// Windows that share a hop share tiles: a level is the tiles of one hop, kept as long as its
// longest window needs them. Immutable, shared by all keys and threads.
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

// The partial of one aggregate inside the tiles of a level.
struct TileSlot {
  const AggregateFunctions* functions = nullptr;
  int aggregate = 0;  // index into FeatureView.aggregates
  int word = 0;       // its first word, counted from the tile's first
  int blob = 0;       // its first blob
};

struct TileLevel {
  static constexpr int kStart = 0;   // word: the tile's start, microseconds
  static constexpr int kEvents = 1;  // word: applied events
  static constexpr int kHeaderWords = 2;

  int64_t hop = 0;           // 0: lifetime
  int64_t stay = 0;          // the latest Leaves(start) - start of its windows; kNever: lifetime
  int words = kHeaderWords;  // per tile, header included
  int blobs = 0;             // per tile
  std::vector<TileSlot> slots;
  std::vector<int> windows;  // indices into ViewPlan.windows
};

// A feature as read from the merged tiles of its window.
struct FeaturePlan {
  int column = 0;  // index into FeatureView.features
  int slot = 0;    // of the window's level
  Scalar default_value;
};

struct WindowPlan {
  Window window;
  int level = 0;
  // Where its merged partials lie in a scratch area for all windows of the view.
  int scratch_word = 0;
  int scratch_blob = 0;
  std::vector<FeaturePlan> features;
};

class ViewPlan {
 public:
  // Errors: INTERNAL for a view that the checker should not have let through.
  static absl::StatusOr<ViewPlan> Make(const v1::FeatureView& view);

  const std::vector<TileLevel>& levels() const { return levels_; }
  const std::vector<WindowPlan>& windows() const { return windows_; }
  int feature_count() const { return feature_count_; }
  int scratch_words() const { return scratch_words_; }
  int scratch_blobs() const { return scratch_blobs_; }
  // What a missing key and a delete row hold, one per feature (S19). Strings point into the plan.
  const std::vector<Scalar>& defaults() const { return defaults_; }
  // Changes whenever the meaning of stored state would.
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  int AddLevel(const Window& window);
  int AddSlot(int level, int aggregate, const AggregateFunctions* functions);

  std::vector<TileLevel> levels_;
  std::vector<WindowPlan> windows_;
  int feature_count_ = 0;
  int scratch_words_ = 0;
  int scratch_blobs_ = 0;
  std::vector<Scalar> defaults_;
  std::vector<std::unique_ptr<std::string>> default_strings_;
  uint64_t fingerprint_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_STATE_VIEW_PLAN_H_
