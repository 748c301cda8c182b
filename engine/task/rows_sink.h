// For tests and benchmarks: a sink that wants steps as rows of the offline table, and keeps
// nothing.
#ifndef FOREBAY_ENGINE_TASK_ROWS_SINK_H_
#define FOREBAY_ENGINE_TASK_ROWS_SINK_H_

#include <memory>
#include <vector>

#include "engine/batch/sink.h"
#include "engine/task/change_rows.h"

namespace forebay {

class RowsSink final : public Sink {
 public:
  // `project` outlives it.
  explicit RowsSink(const v1::Project& project, WantedSteps wanted = {WantedSteps::Which::kEvery})
      : project_(project), wanted_(wanted) {}

  WantedSteps Wants(int) const override { return wanted_; }
  std::unique_ptr<SinkPart> Prepare(const TaskId& task) override {
    return std::make_unique<ChangeRows>(project_, task.partition);
  }
  absl::StatusOr<Offset> Open(const TaskId&) override { return Offset(-1); }
  absl::Status Commit(absl::Span<const TaskOutput* const>) override { return absl::OkStatus(); }

  const std::vector<ChangeBatch>& RowsOf(const TaskOutput& output) const {
    return output.PartOf<ChangeRows>(this)->batches();
  }

 private:
  const v1::Project& project_;
  const WantedSteps wanted_;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_ROWS_SINK_H_
