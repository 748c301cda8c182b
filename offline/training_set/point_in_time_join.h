// The join of labels with the rows of one view: for each label, the last row of its key that is not
// after the label's time.
//
//   PointInTimeJoin join(labels, index, {.view = &view, .entity = &entity, .features = {0, 2}},
//   threads); join.AddFiles(files).IgnoreError();          // rows in any order join.FindRows();
//   arrow::ArrayVector values = join.Values(0, 1000).value();     // of the first 1000 labels
//
// The keys and times of all rows are read once, in parallel, without an order (newest_rows.h). Only
// then are features read, and only at the rows that labels take. So memory is needed for 24 bytes a
// label while rows are found, 8 bytes a label and view from then on, the values asked for at once,
// and a few columns of a row group per thread.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_POINT_IN_TIME_JOIN_H_
#define FOREBAY_OFFLINE_TRAINING_SET_POINT_IN_TIME_JOIN_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "offline/training_set/feature_column.h"
#include "offline/training_set/join_reads.h"
#include "offline/training_set/label_index.h"
#include "offline/training_set/labels.h"
#include "offline/training_set/newest_rows.h"
#include "offline/training_set/row_bounds.h"
#include "offline/training_set/row_file.h"

namespace forebay {

class JoinThreads;

namespace v1 {
class Entity;
class FeatureView;
}  // namespace v1

struct JoinedView {
  const v1::FeatureView* view = nullptr;
  const v1::Entity* entity = nullptr;
  std::vector<int> features;  // indices into view->features()
  // The columns of the rows.
  std::string time = "_effective_time";
  std::string event_time = "_event_time";  // what max_age counts from
  std::string op = "_op";                  // empty: no row is a delete
  // The hashes of the labels' keys, ascending, where these are few: row groups of other keys are
  // left out by the bounds of column _key_hash.
  std::optional<std::vector<int64_t>> key_hashes;
  std::optional<RowBounds> bounds;  // of the rows that count; nullopt: all
};

// Files of rows, by number. The functions are for any thread.
struct JoinedFiles {
  size_t count = 0;
  std::shared_ptr<const arrow::Schema> table;  // the columns, of which a file may have fewer
  std::function<absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>>(size_t file)> open;
  // An error that says what is wrong with a file.
  std::function<absl::Status(size_t file, const std::string& what)> explain;
  std::function<void(int64_t rows)> progress;  // after each row group, of so many rows
};

class PointInTimeJoin {
 public:
  // `labels` and `threads` must outlive this, `index` be there until FindRows.
  PointInTimeJoin(const Labels& labels, const LabelIndex& index, JoinedView view,
                  JoinThreads& threads);
  ~PointInTimeJoin();

  // All rows of Parquet files, which stay open. Once.
  absl::Status AddFiles(JoinedFiles files);

  // Rows in memory: of two rows of one time, the one that was added later is newer.
  // INVALID_ARGUMENT if a column is missing or has another type than the view says.
  absl::Status AddRows(std::shared_ptr<arrow::RecordBatch> rows);

  // After the last rows.
  void FindRows();

  // One array per feature, of the labels from `first` on. REQUIRES: FindRows.
  absl::StatusOr<std::vector<std::shared_ptr<arrow::Array>>> Values(int64_t first, int64_t labels);

  JoinReads reads() const;
  // Of the labels whose values were asked for: how many have a row that is no delete.
  int64_t matched() const { return matched_; }
  // Of all rows added; INT64_MAX: there was none.
  int64_t first_time() const { return first_time_; }

 private:
  // Of a part, the rows that labels take, ascending, and the labels, from the slice's first on.
  struct Taken {
    std::vector<uint32_t> rows;
    std::vector<uint32_t> labels;
  };
  class PartKeys;

  template <typename Work>
  absl::Status ForParts(size_t first, size_t end, const Work& work);
  absl::Status OpenFiles();
  bool IsNeeded(const RowPart& part);
  absl::Status FindInPart(uint32_t number);
  absl::Status FindKeys(const RowPart& part, PartKeys* keys) const;
  void CountBytes(const RowPart& part, absl::Span<const std::string> columns);
  absl::Status DropRowsOutside(const RowBounds& bounds, const RowPart& part, PartKeys* keys);
  absl::StatusOr<std::vector<int64_t>> TimesOf(const RowPart& part, const std::string& name) const;
  std::vector<Taken> TakenOf(int64_t first, int64_t labels) const;
  absl::Status LeaveOut(const RowPart& part, int64_t first, Taken* taken,
                        std::vector<FeatureColumn>* columns);
  absl::Status TakeValues(const RowPart& part, const Taken& taken, size_t feature,
                          FeatureColumn* column);

  const Labels& labels_;
  const LabelIndex& index_;
  const JoinedView view_;
  JoinThreads& threads_;
  int64_t latest_label_;

  JoinedFiles source_;
  std::vector<std::unique_ptr<RowFile>> files_;
  std::vector<RowPart> parts_;
  std::optional<NewestRows> newest_;  // until FindRows
  std::vector<RowRef> row_of_label_;  // from then on
  mutable absl::Mutex mutex_;
  JoinReads reads_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int64_t> first_time_ = INT64_MAX;
  std::atomic<int64_t> matched_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_POINT_IN_TIME_JOIN_H_
