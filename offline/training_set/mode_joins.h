// The joins of a training set in its mode, and, where the leakage is asked for, in the other one.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_MODE_JOINS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_MODE_JOINS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "offline/training_set/leakage.h"
#include "offline/training_set/view_joins.h"

namespace forebay {

// Whether the views' own tables are joined.
inline bool ReadsTables(const TrainingSetRequest& request) {
  return request.mode == TrainingSetMode::kServed || request.leakage;
}

class ModeJoins {
 public:
  // As ViewJoins::Make; recomputes the views where the request needs that.
  static absl::StatusOr<std::unique_ptr<ModeJoins>> Make(const v1::Project& project,
                                                         const TrainingSetRequest& request,
                                                         const std::vector<NamedFeature>& features,
                                                         const std::vector<AskedView>& views,
                                                         const Labels& labels, JoinThreads& threads,
                                                         std::vector<std::string>* warnings);

  // How many labels' values fit into the memory at a time.
  int64_t labels_at_once() const { return OfSet().labels_at_once(); }

  // As ViewJoins::Values, in the mode of the set; compares them with those of the other one. Slice
  // by slice, in order.
  absl::StatusOr<std::vector<std::shared_ptr<arrow::Array>>> Values(int64_t first, int64_t labels);

  // Of the mode of the set, what was read so far.
  std::vector<TrainingSetSummary::View> Summaries() const { return OfSet().Summaries(); }
  const std::vector<EventsRead>& events() const { return recomputed_.events; }
  // Empty: nobody asked.
  std::vector<FeatureLeakage> leakage() const;

 private:
  ModeJoins(const TrainingSetRequest& request, const Labels& labels);

  bool IsEvent() const { return asked_.mode == TrainingSetMode::kEvent; }
  ViewJoins& OfSet() const { return IsEvent() ? *event_ : *served_; }
  void Compare(const std::vector<NamedFeature>& features, const std::vector<AskedView>& views);

  TrainingSetRequest asked_;
  TrainingSetRequest recomputed_;  // the same, from the tables of the recomputed views
  const Labels& labels_;
  std::unique_ptr<ViewJoins> served_;  // of asked_
  std::unique_ptr<ViewJoins> event_;   // of recomputed_
  std::optional<LeakageCount> leakage_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_MODE_JOINS_H_
