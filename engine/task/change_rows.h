// The part of a sink that keeps every change record, as the rows of the offline table, and the
// events of an archive.
#ifndef FOREBAY_ENGINE_TASK_CHANGE_ROWS_H_
#define FOREBAY_ENGINE_TASK_CHANGE_ROWS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "engine/batch/change_batch.h"
#include "engine/batch/task_output.h"
#include "engine/task/change_builder.h"

namespace forebay {

namespace v1 {
class Project;
}

class ChangeRows final : public SinkPart {
 public:
  // Takes over the rows that there are, all up to `output`'s position, before the output is
  // committed. False: not now; only where `must` is false, for which there will be another time.
  using KeepEarly =
      std::function<bool(absl::Span<const ChangeBatch> rows, const TaskOutput& output, bool must)>;

  // `project` outlives it. `batches`: rows that it has already.
  ChangeRows(const v1::Project& project, PartitionId partition,
             std::vector<ChangeBatch> batches = {});
  // Its rows go to `keep_early` as often as there are `early_bytes`, and at the end.
  ChangeRows(const v1::Project& project, PartitionId partition, size_t early_bytes,
             KeepEarly keep_early);

  void Take(int view, const Change& change, const Scalar* features) override;
  void TakeEvents(const std::shared_ptr<arrow::RecordBatch>& rows) override;
  void Review(TaskOutput* output) override;
  void Finish(const TaskOutput& output) override;
  size_t bytes() const override;

  // Of each view, and of the events, in the order in which they were made: one batch, or more where
  // texts are large. Once finished.
  const std::vector<ChangeBatch>& batches() const { return batches_; }

 private:
  ChangeBuilder& BuilderOf(int view);
  void FinishEvents();
  void FinishBatches();
  void Keep(const TaskOutput& output, bool must);

  const v1::Project& project_;
  const PartitionId partition_;
  const size_t early_bytes_ = 0;
  const KeepEarly keep_early_;
  std::vector<std::unique_ptr<ChangeBuilder>> builders_;  // by view; null: it has no row
  std::vector<std::shared_ptr<arrow::RecordBatch>> events_;
  std::vector<ChangeBatch> batches_;
  size_t finished_bytes_ = 0;    // of all but what is in builders
  size_t next_early_bytes_ = 0;  // with so many, they are to be kept
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_CHANGE_ROWS_H_
