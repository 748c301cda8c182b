// The rows of one task in a table and its change log, of which those that matter are read whole.
//
//   TaskRows rows(view, entity, task, {.wants = ..., .take = ...});
//   RETURN_IF_ERROR(rows.TakeLog(state_folder));      // first the log, then the table:
//   RETURN_IF_ERROR(rows.TakeTable(warehouse, go_on)); // what is flushed in between is in both
//
// Of a row group the columns of features are read only where a row of it is wanted; the files of
// the newest dates come first, and of a row group its last rows.
#ifndef FOREBAY_OFFLINE_VERIFY_TASK_ROWS_H_
#define FOREBAY_OFFLINE_VERIFY_TASK_ROWS_H_

#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "connectors/update_record/step_text.h"
#include "engine/aggregate/aggregate.h"
#include "engine/batch/event_batch.h"
#include "engine/state/change.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {

struct RowPart;
struct Snapshot;

// The key as Kafka records have it. DATA_LOSS: it is none of the entity.
absl::StatusOr<std::string> KeyTextOf(const v1::Entity& entity, std::string_view encoded);

// Keys as Kafka records have them.
struct RowVisitor {
  // Of `row` only its op, offset, and effective and known time are there.
  std::function<bool(std::string_view key, const StepText& row)> wants;
  // Only of rows that are wanted. `features`: one per feature of the view.
  std::function<void(std::string_view key, const Change& change, const Scalar* features)> take;
};

class TaskRows {
 public:
  // `view` and `entity` outlive it.
  TaskRows(const v1::FeatureView& view, const v1::Entity& entity, TaskId task, RowVisitor visitor);

  // What the log of the task holds on this machine. DATA_LOSS: it is damaged.
  absl::Status TakeLog(const std::string& state_folder);

  // None, where there is no table. DATA_LOSS: it is damaged, or has other columns than the view.
  // `go_on` is asked before each file; its error ends it.
  absl::Status TakeTable(const std::shared_ptr<ObjectStore>& warehouse,
                         absl::FunctionRef<absl::Status()> go_on);

 private:
  arrow::Status Take(const RowPart& part);
  arrow::Result<std::shared_ptr<arrow::Array>> Column(const RowPart& part,
                                                      const arrow::Field& field) const;

  const v1::FeatureView& view_;
  const v1::Entity& entity_;
  const TaskId task_;
  const RowVisitor visitor_;
  const std::shared_ptr<arrow::Schema> schema_;  // ChangeSchema
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_VERIFY_TASK_ROWS_H_
