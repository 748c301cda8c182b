// The rows of one key that the change logs of this machine hold: what a table gets next.
//
//   // First the logs, then the table: what is flushed in between is in both.
//   auto logged = ReadLoggedRows(request).value();
//   Snapshot table = LoadSnapshot(...).value();
//   auto rows = RowsNotIn(table, "shop", request.view, logged);
#ifndef FOREBAY_OFFLINE_HISTORY_UNFLUSHED_ROWS_H_
#define FOREBAY_OFFLINE_HISTORY_UNFLUSHED_ROWS_H_

#include <arrow/type_fwd.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/batch/event_batch.h"
#include "offline/delta/snapshot.h"
#include "offline/delta/file_pruning.h"
#include "schemas/types/view_id.h"

namespace forebay {

namespace v1 {
class Entity;
}

struct LoggedRowsRequest {
  std::string state_folder;
  std::vector<TaskId> tasks;
  ViewId view;
  const v1::Entity* entity = nullptr;
  std::string key;  // as EncodeKey makes it
  TimeRange times;
};

// In the order of each log; ChangeSchema of the view as it was then.
using LoggedRows = std::map<TaskId, arrow::RecordBatchVector>;

// Beside a running worker, too. DATA_LOSS: a log is damaged.
absl::StatusOr<LoggedRows> ReadLoggedRows(const LoggedRowsRequest& request);

// Those that the table lacks, in order of their effective time, in the given columns: null where a
// log lacks one. Null: there are none.
absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> RowsNotIn(
    const Snapshot& table, const std::string& project, const ViewId& view, const LoggedRows& logged,
    const std::shared_ptr<arrow::Schema>& columns);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_HISTORY_UNFLUSHED_ROWS_H_
