// Collects the change records of one view as columns, and hands them over as one Arrow batch.
#ifndef FOREBAY_ENGINE_TASK_CHANGE_BUILDER_H_
#define FOREBAY_ENGINE_TASK_CHANGE_BUILDER_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/aggregate/aggregate.h"
#include "engine/state/change.h"
#include "schemas/types/data_type.h"
#include "schemas/types/strong_int.h"

namespace arrow {
class Array;
class ArrayBuilder;
class Buffer;
class RecordBatch;
class ResizableBuffer;
class Schema;
}  // namespace arrow

namespace forebay {

namespace v1 {
class Entity;
class FeatureView;
}  // namespace v1

//   changes.Append(change, features);
//   std::shared_ptr<arrow::RecordBatch> rows = changes.Finish();
//
// Features come row by row and lie column by column: rows of 8-byte values wait until there are
// some, so that a column is written a few cache lines at a time. Columns that are the same in every
// row are made when a batch is finished.
class ChangeBuilder {
 public:
  // `view` and `entity` outlive it. `schema`: their ChangeSchema.
  ChangeBuilder(const v1::FeatureView& view, const v1::Entity& entity,
                std::shared_ptr<arrow::Schema> schema, PartitionId partition);
  ~ChangeBuilder();

  // The next row. What its texts point to is no longer needed afterwards.
  void Append(const Change& change, const Scalar* features);
  int64_t rows() const { return rows_; }
  // About what the rows take in memory.
  size_t bytes() const { return text_bytes_ + static_cast<size_t>(rows_) * row_bytes_; }
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

  const v1::Entity& entity_;
  const std::shared_ptr<arrow::Schema> schema_;
  const size_t row_bytes_;  // texts aside
  const int32_t view_version_;
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
