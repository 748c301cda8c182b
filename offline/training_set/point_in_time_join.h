// The join of labels with the rows of one view: for each label, the last row of its key with
// _effective_time <= the label's time.
//
//   PointInTimeJoin join(labels, keys, view, feature_indices);
//   join.Add(batch) ...            // rows in any order, in as many batches as there are
//   join.Finish();
//   for (FeatureColumn& column : join.columns()) ...
//
// Rows are gathered up to about two million, sorted by key and time, and merged with the sorted
// labels; per label the best row so far is kept as values, so that rows are never needed again.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_POINT_IN_TIME_JOIN_H_
#define FOREBAY_OFFLINE_TRAINING_SET_POINT_IN_TIME_JOIN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "offline/training_set/feature_column.h"
#include "offline/training_set/label_keys.h"
#include "offline/training_set/labels.h"

namespace arrow {
class RecordBatch;
}

namespace forebay {

namespace v1 {
class Entity;
class FeatureView;
}  // namespace v1

class PointInTimeJoin {
 public:
  // `features`: indices into view.features, one column each. All arguments are kept by reference.
  PointInTimeJoin(const Labels& labels, const LabelKeys& keys, const v1::FeatureView& view,
                  const v1::Entity& entity, const std::vector<int>& features);

  // The columns that batches need, by name. A feature column may be missing: it is null there.
  std::vector<std::string> NeededColumns() const;

  // INVALID_ARGUMENT if a column is missing or has another type than the view says.
  absl::Status Add(std::shared_ptr<arrow::RecordBatch> rows);

  // After the last Add: deletes become defaults, values older than max_age null.
  absl::Status Finish();

  std::vector<FeatureColumn>& columns() { return columns_; }
  int64_t matched() const { return matched_; }
  // Of all rows added; INT64_MAX: there was none.
  int64_t first_effective_time() const { return first_effective_time_; }

 private:
  // A gathered row of a key that some label has.
  struct Row {
    int64_t effective_time;
    uint32_t key;
    uint32_t batch;
    uint32_t index;
  };
  // What is known of a label.
  struct Best {
    int64_t effective_time = INT64_MIN;
    int64_t event_time = 0;
    bool found = false;
    bool deleted = false;
  };

  absl::Status MergeGathered();
  void SortGathered();
  void MergeKey(uint32_t key, const Row* begin, const Row* end);
  absl::Status TakeChosen();

  const Labels& labels_;
  const LabelKeys& keys_;
  const v1::FeatureView& view_;
  const v1::Entity& entity_;
  const std::vector<int>& features_;
  int64_t latest_label_;
  int64_t first_effective_time_ = INT64_MAX;

  std::vector<std::shared_ptr<arrow::RecordBatch>> batches_;
  int64_t gathered_ = 0;  // rows of batches_
  std::vector<Row> rows_;
  std::vector<Row> sorted_;

  // Chosen in this merge: per batch, the row and the label that takes it.
  std::vector<std::vector<uint32_t>> chosen_from_;
  std::vector<std::vector<uint32_t>> chosen_labels_;

  std::vector<Best> best_;  // by label
  std::vector<FeatureColumn> columns_;
  int64_t matched_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_POINT_IN_TIME_JOIN_H_
