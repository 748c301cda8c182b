// The baseline of a training set: how the values of its features were distributed, in its manifest,
// for `forebay drift` to compare days with.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_BASELINE_H_
#define FOREBAY_OFFLINE_TRAINING_SET_BASELINE_H_

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/batch/event_batch.h"
#include "offline/statistics/feature_statistics.h"
#include "schemas/types/view_id.h"

namespace arrow {
class Array;
}

namespace forebay {

// Gathers it while the set is written. Of many labels one of each so many is taken, at no regular
// distance, as labels may repeat what they have: as good a baseline as one of all, and cheap.
// Deterministic.
class Baseline {
 public:
  static constexpr int64_t kMostLabels = 50'000;

  // `labels`: how many the set has; `types`: of its features.
  Baseline(int64_t labels, const std::vector<DataType>& types);

  // Adds the values of the labels from `first` on, by feature; `times`: of all labels.
  void Add(int64_t first, const std::vector<std::shared_ptr<arrow::Array>>& values,
           const std::vector<KnownTime>& times);

  // By feature.
  const std::vector<FeatureStatistics>& statistics() const { return statistics_; }

 private:
  const int64_t of_labels_;  // of so many labels one is taken
  std::vector<FeatureStatistics> statistics_;
};

// What a manifest says of a feature's values: numbers for people, and all of it as Base64. Null:
// nothing.
nlohmann::ordered_json StatisticsJson(const std::optional<FeatureStatistics>& statistics);

// Of two parts of a set. Null: one of them has none.
nlohmann::ordered_json MergedStatistics(const nlohmann::ordered_json& one,
                                        const nlohmann::ordered_json& other);

struct FeatureBaseline {
  ViewId view;
  std::string feature;  // "spend_1h"
  FeatureStatistics statistics;
};

// Of the text of a manifest, which is from `path`. INVALID_ARGUMENT: it is no manifest,
// or it has no baseline.
absl::StatusOr<std::vector<FeatureBaseline>> ParseBaseline(std::string_view text,
                                                           const std::string& path);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_BASELINE_H_
