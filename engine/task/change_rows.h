// The part of a sink that keeps every change record, as the rows of the offline table.
#ifndef FOREBAY_ENGINE_TASK_CHANGE_ROWS_H_
#define FOREBAY_ENGINE_TASK_CHANGE_ROWS_H_

#include <memory>
#include <vector>

#include "engine/batch/change_batch.h"
#include "engine/batch/task_output.h"
#include "engine/task/change_builder.h"

namespace forebay {

namespace v1 {
class Project;
}

class ChangeRows final : public SinkPart {
 public:
  // `project` outlives it.
  // `batches`: rows that it has already.
  ChangeRows(const v1::Project& project, PartitionId partition,
             std::vector<ChangeBatch> batches = {});

  void Take(int view, const Change& change, const Scalar* features) override;
  void Finish() override;
  size_t bytes() const override;

  // Of each view in the order in which they were made: one batch, or more where texts are large.
  // Once finished.
  const std::vector<ChangeBatch>& batches() const { return batches_; }

 private:
  ChangeBuilder& BuilderOf(int view);

  const v1::Project& project_;
  const PartitionId partition_;
  std::vector<std::unique_ptr<ChangeBuilder>> builders_;  // by view; null: it has no row
  std::vector<ChangeBatch> batches_;
  size_t finished_bytes_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_CHANGE_ROWS_H_
