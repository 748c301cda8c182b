// Collects the change records of one view as columns, and hands them over as one Arrow batch.
#ifndef FOREBAY_ENGINE_TASK_CHANGE_BUILDER_H_
#define FOREBAY_ENGINE_TASK_CHANGE_BUILDER_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "engine/aggregate/aggregate.h"
#include "engine/state/change_op.h"
#include "engine/state/key.h"
#include "engine/task/task_plan.h"
#include "schemas/types/strong_int.h"

namespace arrow {
class Array;
class ArrayBuilder;
class RecordBatch;
}  // namespace arrow

namespace forebay {

// One step. Times in microseconds UTC.
struct Change {
  HashedKey key;
  int64_t effective_time;
  int64_t event_time;
  int64_t known_time;
  ChangeOp op;
  int64_t offset;
  int32_t ordinal;
  absl::Span<const Scalar> features;
};

// Columns of 8-byte values are filled through raw pointers; those that are the same in every row
// are made when a batch is finished.
class ChangeBuilder {
 public:
  ChangeBuilder(const ViewTaskPlan& plan, PartitionId partition);
  ~ChangeBuilder();

  void Append(const Change& change);
  int64_t rows() const { return rows_; }
  // Of strings, bytes and lists in the rows.
  size_t text_bytes() const { return text_bytes_; }
  // Whether that is enough for a batch: a list of a thousand texts in every row soon is.
  bool full() const { return text_bytes_ >= kFullBytes; }

  // The rows since the last call, of the view's ChangeSchema.
  std::shared_ptr<arrow::RecordBatch> Finish();

 private:
  static constexpr size_t kFullBytes = size_t{64} << 20;

  // Of a feature: words, or for a bool, string, bytes or list a builder.
  struct FeatureColumn {
    std::vector<Word> words;
    std::vector<uint8_t> valid;
    bool has_nulls = false;
    std::unique_ptr<arrow::ArrayBuilder> builder;
    DataType type = DataType::kDouble;
  };

  void Grow();
  void AppendKey(std::string_view key);
  void AppendBytes(std::string_view bytes, FeatureColumn* feature);
  std::shared_ptr<arrow::Array> FinishFeature(int column, FeatureColumn* feature);

  const ViewTaskPlan& plan_;
  const int32_t partition_;
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> keys_;  // one per key of the entity
  std::vector<FeatureColumn> features_;
  std::vector<int64_t> effective_times_, event_times_, known_times_, hashes_, offsets_;
  std::vector<int32_t> ordinals_;
  std::vector<ChangeOp> ops_;
  int64_t rows_ = 0;
  size_t text_bytes_ = 0;
  size_t capacity_ = 0;
  size_t next_capacity_ = 256;  // as many as the last batch had
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_CHANGE_BUILDER_H_
