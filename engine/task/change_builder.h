// Collects the change records of one view as columns, and hands them over as one Arrow batch.
#ifndef FOREBAY_ENGINE_TASK_CHANGE_BUILDER_H_
#define FOREBAY_ENGINE_TASK_CHANGE_BUILDER_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "engine/aggregate/aggregate.h"
#include "engine/task/task_plan.h"
#include "schemas/types/strong_int.h"

namespace arrow {
class ArrayBuilder;
class RecordBatch;
}  // namespace arrow

namespace forebay {

enum class ChangeOp : uint8_t { kEvent, kExpire, kDelete };

// One step. Times in microseconds UTC.
struct Change {
  std::string_view key;  // encoded
  int64_t effective_time;
  int64_t event_time;
  int64_t known_time;
  ChangeOp op;
  int64_t offset;
  int32_t ordinal;
  absl::Span<const Scalar> features;
};

class ChangeBuilder {
 public:
  ChangeBuilder(const ViewTaskPlan& plan, PartitionId partition);
  ~ChangeBuilder();

  void Append(const Change& change);
  int64_t rows() const { return rows_; }

  // The rows since the last call, of the view's ChangeSchema.
  std::shared_ptr<arrow::RecordBatch> Finish();

 private:
  void AppendKey(std::string_view key);

  const ViewTaskPlan& plan_;
  const int32_t partition_;
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders_;  // one per column of the schema
  int64_t rows_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_CHANGE_BUILDER_H_
