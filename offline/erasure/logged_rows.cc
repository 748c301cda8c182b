#include "offline/erasure/logged_rows.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <vector>

#include "offline/change_log/change_log.h"
#include "offline/change_log/segment.h"
#include "offline/training_set/cell_value.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

arrow::Result<int64_t> CountInSection(const TableRows& section, const ErasedKey& key, Offset held) {
  ARROW_ASSIGN_OR_RAISE(std::vector<int64_t> erased, FindErased(*section.rows, key));
  auto offsets = section.rows->GetColumnByName("_source_offset");
  int64_t count = 0;
  for (int64_t row : erased) count += IntegerAt(*offsets, row) > held.value() ? 1 : 0;
  return count;
}

}  // namespace

absl::StatusOr<int64_t> CountLoggedRows(const std::string& state_folder, const TaskId& task,
                                        const TableId& table, const ErasedKey& key, Offset held) {
  absl::StatusOr<std::vector<std::string>> paths =
      FindSegments(ChangeLogFolder(state_folder, task.topic, task.partition));
  if (absl::IsNotFound(paths.status())) return 0;
  RETURN_IF_ERROR(paths.status());
  int64_t count = 0;
  for (const std::string& path : *paths) {
    absl::StatusOr<Segment> segment = ReadSegment(path, /*torn_tail_allowed=*/true);
    if (absl::IsNotFound(segment.status())) continue;  // flushed meanwhile
    RETURN_IF_ERROR(segment.status());
    ASSIGN_OR_RETURN(std::vector<ChangeFrame> frames, DecodeFrames(*segment));
    for (const ChangeFrame& frame : frames) {
      for (const TableRows& section : frame.sections) {
        if (section.table != table) continue;
        auto found = CountInSection(section, key, held);
        if (!found.ok()) {
          return absl::DataLossError(
              fmt::format("change log {}: {}", path, found.status().message()));
        }
        count += *found;
      }
    }
  }
  return count;
}

}  // namespace forebay
