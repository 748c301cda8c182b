#include "offline/change_log/logged_table.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <vector>

#include "offline/change_log/change_log.h"
#include "offline/change_log/segment.h"
#include "schemas/types/status_macros.h"

namespace forebay {

absl::Status ForEachLogged(
    const std::string& state_folder, const TaskId& task, const TableId& table,
    absl::FunctionRef<absl::Status(const std::shared_ptr<arrow::RecordBatch>& rows)> visit) {
  absl::StatusOr<std::vector<std::string>> paths =
      FindSegments(ChangeLogFolder(state_folder, task.topic, task.partition));
  if (absl::IsNotFound(paths.status())) return absl::OkStatus();
  RETURN_IF_ERROR(paths.status());
  for (const std::string& path : *paths) {
    absl::StatusOr<Segment> segment = ReadSegment(path, /*torn_tail_allowed=*/true);
    if (absl::IsNotFound(segment.status())) continue;  // flushed meanwhile
    RETURN_IF_ERROR(segment.status());
    ASSIGN_OR_RETURN(std::vector<ChangeFrame> frames, DecodeFrames(*segment));
    for (const ChangeFrame& frame : frames) {
      for (const TableRows& section : frame.sections) {
        if (section.table != table) continue;
        if (absl::Status visited = visit(section.rows); !visited.ok()) {
          return absl::Status(visited.code(), fmt::format("change log {}: {}", path,
                                                          std::string(visited.message())));
        }
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace forebay
