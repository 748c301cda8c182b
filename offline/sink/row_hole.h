// Rows that a table and the change log of a task should hold between them, and do not. They
// are not made again: the task reads on behind them.
#ifndef FOREBAY_OFFLINE_SINK_ROW_HOLE_H_
#define FOREBAY_OFFLINE_SINK_ROW_HOLE_H_

#include <optional>
#include <string>

#include "absl/types/span.h"
#include "engine/batch/event_batch.h"
#include "offline/change_log/change_log.h"
#include "schemas/types/table_id.h"

namespace forebay {

struct RowHole {
  Offset held;   // all rows up to here are there; below 0: none is
  Offset lacks;  // the row of this source offset is not
};

// The first: between the table, which holds the rows up to `in_table`, and the log, inside the log,
// or behind it. `last_row`: the last that the task's state knows of; nullopt: it does not say.
std::optional<RowHole> FindRowHole(Offset in_table, absl::Span<const RowRun> in_log,
                                   std::optional<Offset> last_row);

// What is missing, where, and the ways out.
std::string DescribeRowHole(const RowHole& hole, const TaskId& task, const TableId& id,
                            const std::string& table, const std::string& log,
                            const std::string& state_folder);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_SINK_ROW_HOLE_H_
