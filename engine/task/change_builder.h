// Collects the change records of one view as columns, and hands them over as one Arrow batch.
#ifndef FOREBAY_ENGINE_TASK_CHANGE_BUILDER_H_
#define FOREBAY_ENGINE_TASK_CHANGE_BUILDER_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/aggregate/aggregate.h"
#include "engine/state/change.h"
#include "engine/task/task_plan.h"
#include "schemas/types/strong_int.h"

namespace arrow {
class Array;
class ArrayBuilder;
class Buffer;
class RecordBatch;
class ResizableBuffer;
}  // namespace arrow

namespace forebay {

//   Finalize(..., changes.NextFeatures());
//   changes.Append(change);
//
// Features come row by row and lie column by column: rows of 8-byte values wait until there are
// some, so that a column is written a few cache lines at a time. Columns that are the same in every
// row are made when a batch is finished.
class ChangeBuilder {
 public:
  ChangeBuilder(const ViewTaskPlan& plan, PartitionId partition);
  ~ChangeBuilder();

  // Where the features of the next row go.
  Scalar* NextFeatures() { return waiting_.data() + rows_ % kRowsWaiting * features_.size(); }
  // The next row. What its texts point to is no longer needed afterwards.
  void Append(const Change& change);
  int64_t rows() const { return rows_; }
  // Of strings, bytes and lists in the rows.
  size_t text_bytes() const { return text_bytes_; }
  // Whether that is enough for a batch: a list of a thousand texts in every row soon is.
  bool full() const { return text_bytes_ >= kFullBytes; }

  // The rows since the last call, of the view's ChangeSchema. REQUIRES: there are some.
  std::shared_ptr<arrow::RecordBatch> Finish();

 private:
  static constexpr size_t kFullBytes = size_t{64} << 20;
  static constexpr int64_t kRowsWaiting = 64;  // as bits in a word of `valid`

  // Memory for values that are yet to be written.
  template <typename T>
  class Column {
   public:
    void Resize(int64_t size);
    T& operator[](int64_t row) { return data_[row]; }
    const T& operator[](int64_t row) const { return data_[row]; }
    // The first `size` values; none are left.
    std::shared_ptr<arrow::Buffer> Take(int64_t size);

   private:
    std::unique_ptr<arrow::ResizableBuffer> buffer_;
    T* data_ = nullptr;
  };

  // Of a feature: words, or for a bool, string, bytes or list a builder.
  struct FeatureColumn {
    Column<Word> words;
    Column<Word> valid;  // a bit a row
    int64_t nulls = 0;
    std::unique_ptr<arrow::ArrayBuilder> builder;
    DataType type = DataType::kDouble;
  };

  void Grow();
  void AppendKey(std::string_view key);
  void AppendFeature(const Scalar& value, FeatureColumn* feature);
  void AppendBytes(std::string_view bytes, FeatureColumn* feature);
  void FillColumns(int64_t first);
  std::shared_ptr<arrow::Array> FinishFeature(int column, FeatureColumn* feature);
  std::shared_ptr<arrow::Array> OpColumn() const;

  const ViewTaskPlan& plan_;
  const int32_t partition_;
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> keys_;  // one per key of the entity
  std::vector<FeatureColumn> features_;
  std::vector<size_t> built_;    // of them: those with a builder
  std::vector<Scalar> waiting_;  // the features of rows that are not in the columns yet
  Column<int64_t> effective_times_, event_times_, known_times_, hashes_, offsets_;
  Column<int32_t> ordinals_;
  Column<ChangeOp> ops_;
  int64_t rows_ = 0;
  size_t text_bytes_ = 0;
  int64_t capacity_ = 0;
  int64_t next_capacity_ = 256;  // a few more than the last batch had
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_CHANGE_BUILDER_H_
