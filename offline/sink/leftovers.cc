#include "offline/sink/leftovers.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "connectors/object_store/durable_file.h"
#include "offline/change_log/change_log.h"
#include "offline/change_log/segment.h"
#include "offline/delta/delta_table.h"
#include "offline/sink/table_flush.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr std::string_view kTables = "offline";
constexpr std::string_view kArchives = "events";

std::string_view NameIn(std::string_view folder) { return folder.substr(folder.rfind('/') + 1); }

// Of "v12".
std::optional<uint32_t> ReadVersion(std::string_view name) {
  uint32_t version = 0;
  const char* end = name.data() + name.size();
  if (!name.starts_with('v')) return std::nullopt;
  auto [stop, error] = std::from_chars(name.data() + 1, end, version);
  if (error != std::errc() || stop != end) return std::nullopt;
  return version;
}

bool HasRowsOf(const DeltaTable& table, const std::string& project, const TableId& id) {
  const auto& transactions = table.snapshot().transactions;
  auto first = transactions.lower_bound(AppIdPrefix(project, id));
  return first != transactions.end() && first->first.starts_with(AppIdPrefix(project, id));
}

}  // namespace

absl::StatusOr<bool> HasTable(const std::shared_ptr<ObjectStore>& warehouse,
                              const std::string& project, const TableId& id) {
  std::string path = OfflineTablePath(id);
  ASSIGN_OR_RETURN(std::vector<std::string> folders, warehouse->ListFolders(FolderOf(path)));
  if (std::find(folders.begin(), folders.end(), path) == folders.end()) return false;
  absl::StatusOr<std::unique_ptr<DeltaTable>> table = DeltaTable::Open(warehouse, path);
  if (!table.ok()) return true;  // a part of one, or a damaged one
  return (*table)->snapshot().transactions.empty() || HasRowsOf(**table, project, id);
}

absl::StatusOr<std::set<TableId>> ListTables(const std::shared_ptr<ObjectStore>& warehouse,
                                             const std::string& project) {
  std::set<TableId> found;
  auto look = [&](const std::string& path, TableId id) {
    absl::StatusOr<std::unique_ptr<DeltaTable>> table = DeltaTable::Open(warehouse, path);
    if (table.ok() && HasRowsOf(**table, project, id)) found.insert(std::move(id));
  };
  ASSIGN_OR_RETURN(std::vector<std::string> views, warehouse->ListFolders(kTables));
  for (const std::string& view : views) {
    ASSIGN_OR_RETURN(std::vector<std::string> versions, warehouse->ListFolders(view));
    for (const std::string& path : versions) {
      std::optional<uint32_t> version = ReadVersion(NameIn(path));
      if (version && *version > 0) look(path, {std::string(NameIn(view)), *version});
    }
  }
  ASSIGN_OR_RETURN(std::vector<std::string> archives, warehouse->ListFolders(kArchives));
  for (const std::string& path : archives) look(path, TableId::OfEvents(std::string(NameIn(path))));
  return found;
}

absl::Status RemoveTable(ObjectStore* warehouse, const TableId& id) {
  std::string path = OfflineTablePath(id);
  RETURN_IF_ERROR(warehouse->DeleteFolder(path + "/_delta_log"));
  RETURN_IF_ERROR(warehouse->DeleteFolder(path + "/_cold"));  // where that leads
  return warehouse->DeleteFolder(path);
}

absl::StatusOr<std::set<TableId>> ListUnflushed(const std::string& state_folder,
                                                const TaskId& task) {
  std::set<TableId> tables;
  absl::StatusOr<std::vector<std::string>> paths =
      FindSegments(ChangeLogFolder(state_folder, task.topic, task.partition));
  if (absl::IsNotFound(paths.status())) return tables;
  RETURN_IF_ERROR(paths.status());
  for (const std::string& path : *paths) {
    absl::StatusOr<Segment> segment = ReadSegment(path, /*torn_tail_allowed=*/true);
    if (absl::IsNotFound(segment.status())) continue;  // flushed meanwhile
    RETURN_IF_ERROR(segment.status());
    for (const FrameInfo& frame : segment->frames) {
      for (const FrameInfo::Section& section : frame.sections) tables.insert(section.table);
    }
  }
  return tables;
}

absl::Status FlushWithout(const std::set<TableId>& dropped, absl::Span<const TaskId> tasks,
                          const ChangeLogsToFlush& logs) {
  TableFlush tables(logs.warehouse, logs.project, logs.parquet_encoding, logs.now_us);
  for (const TaskId& task : tasks) {
    ASSIGN_OR_RETURN(
        std::unique_ptr<ChangeLog> log,
        ChangeLog::Open(ChangeLogFolder(logs.state_folder, task.topic, task.partition)));
    std::vector<ClosedSegment> segments = log->closed();
    for (const ClosedSegment& segment : segments) {
      TaskBacklog backlog{.task = task, .segments = {segment}};
      RETURN_IF_ERROR(tables.Flush(absl::MakeConstSpan(&backlog, 1), dropped));
      RETURN_IF_ERROR(log->Delete(absl::MakeConstSpan(&segment, 1)));
    }
  }
  return absl::OkStatus();
}

}  // namespace forebay
