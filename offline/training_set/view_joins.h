// The joins of labels with all views that features are asked of: the labels are indexed once per
// entity, the rows of every view are found, then values are read slice by slice.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_VIEW_JOINS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_VIEW_JOINS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "offline/training_set/feature_list.h"
#include "offline/training_set/join_threads.h"
#include "offline/training_set/labels.h"
#include "offline/training_set/point_in_time_join.h"
#include "offline/training_set/table_join.h"
#include "offline/training_set/training_set.h"

namespace forebay {

// The features asked for of one view.
struct AskedView {
  int index = 0;  // into Project.feature_views
  const v1::FeatureView* view = nullptr;
  const v1::Entity* entity = nullptr;
  std::vector<int> features;
  std::vector<int> outputs;  // likewise: which of the resolved features it is
};

class ViewJoins {
 public:
  // Finds the row of each label and view. All but `warnings` must outlive this. Errors as
  // BuildTrainingSet's; RESOURCE_EXHAUSTED: request.memory_bytes are too few.
  static absl::StatusOr<std::unique_ptr<ViewJoins>> Make(const v1::Project& project,
                                                         const TrainingSetRequest& request,
                                                         const std::vector<AskedView>& views,
                                                         const Labels& labels, JoinThreads& threads,
                                                         std::vector<std::string>* warnings);

  // How many labels' values fit into the memory at a time: a multiple of a row group's rows.
  int64_t labels_at_once() const { return labels_at_once_; }

  // By feature, in the order asked, of the labels from `first` on.
  absl::StatusOr<std::vector<std::shared_ptr<arrow::Array>>> Values(int64_t first, int64_t labels);

  // What was read so far.
  std::vector<TrainingSetSummary::View> Summaries() const;

 private:
  ViewJoins(const TrainingSetRequest& request, const std::vector<AskedView>& views,
            const Labels& labels, JoinThreads& threads);
  absl::Status FindRows(const v1::Project& project, std::vector<std::string>* warnings);
  absl::Status Budget();

  const TrainingSetRequest& request_;
  const std::vector<AskedView>& views_;
  const Labels& labels_;
  JoinThreads& threads_;
  std::vector<std::unique_ptr<PointInTimeJoin>> joins_;
  std::vector<JoinedTable> tables_;  // by view, as joins_
  int64_t labels_at_once_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_VIEW_JOINS_H_
