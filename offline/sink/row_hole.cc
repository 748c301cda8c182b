#include "offline/sink/row_hole.h"

#include <fmt/format.h>

#include <algorithm>

namespace forebay {

std::optional<RowHole> FindRowHole(Offset in_table, absl::Span<const RowRun> in_log,
                                   std::optional<Offset> last_row) {
  Offset held = in_table;
  for (const RowRun& run : in_log) {
    if (run.previous && *run.previous > held) return RowHole{held, *run.previous};
    held = std::max(held, run.position);
  }
  if (last_row && *last_row > held) return RowHole{held, *last_row};
  return std::nullopt;
}

std::string DescribeRowHole(const RowHole& hole, const TaskId& task, const TableId& id,
                            const std::string& table, const std::string& log,
                            const std::string& state_folder) {
  return fmt::format(
      "rows of {} are missing: task {} made one at offset {}, but its table {} and the change log "
      "{} hold {}. Commits of the table or part of the log were lost, or an older copy was put "
      "back. Nothing is guessed. Put back the newest copy of the table and the log; or the state "
      "folder {} as it was when the table was copied; or {} with `forebay reset {}`",
      id.ToString(), task.ToString(), hole.lacks.value(), table, log,
      hole.held.value() < 0 ? "no rows of that task"
                            : fmt::format("its rows up to offset {} alone", hole.held.value()),
      state_folder,
      id.is_archive() ? "give the archive up and begin a new one" : "build the view anew",
      id.ToString());
}

}  // namespace forebay
