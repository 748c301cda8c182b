// The rows of one table in the change log of a task, whoever writes to it meanwhile.
#ifndef FOREBAY_OFFLINE_CHANGE_LOG_LOGGED_TABLE_H_
#define FOREBAY_OFFLINE_CHANGE_LOG_LOGGED_TABLE_H_

#include <arrow/type_fwd.h>

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "engine/batch/event_batch.h"
#include "schemas/types/table_id.h"

namespace forebay {

// Visits the rows in the order of the log; none where there is no log. What a worker flushes
// meanwhile may be left out: it is in the table then. The error of `visit` with the segment's path;
// DATA_LOSS: the log is damaged.
absl::Status ForEachLogged(
    const std::string& state_folder, const TaskId& task, const TableId& table,
    absl::FunctionRef<absl::Status(const std::shared_ptr<arrow::RecordBatch>& rows)> visit);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_CHANGE_LOG_LOGGED_TABLE_H_
