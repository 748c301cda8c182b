#include "offline/sink/table_flush.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <utility>

#include "offline/change_log/segment.h"
#include "schemas/definition/view_fingerprint.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int kMostRaces = 10;
constexpr char kFingerprintProperty[] = "forebay.fingerprint";

// Of the change log, in memory at a time: row groups of a size that readers like.
constexpr int64_t kPortionBytes = 32 << 20;

}  // namespace

std::string OfflineTablePath(const ViewId& view) {
  return fmt::format("offline/{}/v{}", view.name, view.version);
}

std::string AppIdPrefix(const std::string& project, const ViewId& view) {
  return fmt::format("{}/{}/v{}/", project, view.name, view.version);
}

std::string TaskName(const TaskId& task) {
  return fmt::format("{}-{}", task.topic, task.partition.value());
}

std::string TableFlush::AppId(const ViewId& view, const TaskId& task) const {
  return AppIdPrefix(project_, view) + TaskName(task);
}

absl::Status TableFlush::CheckFingerprint(const ViewId& view, const DeltaTable& table) const {
  const auto& properties = table.snapshot().metadata.configuration;
  auto made_of = properties.find(kFingerprintProperty);
  auto now = fingerprints_.find(view);
  if (made_of == properties.end() || now == fingerprints_.end() || made_of->second == now->second)
    return absl::OkStatus();
  return ChangedUnderVersion(view, made_of->second, now->second, "its offline table");
}

absl::StatusOr<std::optional<Offset>> TableFlush::HeldPosition(const ViewId& view,
                                                               const arrow::Schema& change_schema,
                                                               const TaskId& task) {
  auto it = tables_.find(view);
  if (it == tables_.end()) {
    absl::StatusOr<std::unique_ptr<DeltaTable>> table =
        DeltaTable::Open(warehouse_, OfflineTablePath(view));
    if (absl::IsNotFound(table.status())) return std::nullopt;
    RETURN_IF_ERROR(table.status());
    RETURN_IF_ERROR((*table)->MendCheckpoint());
    RETURN_IF_ERROR((*table)->CheckColumns(change_schema));
    RETURN_IF_ERROR(CheckFingerprint(view, **table));
    it = tables_.emplace(view, *std::move(table)).first;
  } else {
    RETURN_IF_ERROR(it->second->Refresh());
  }
  std::optional<int64_t> version = it->second->TransactionVersion(AppId(view, task));
  if (!version) return std::nullopt;
  return Offset(*version - 1);
}

absl::Status TableFlush::Flush(absl::Span<const TaskBacklog> backlog,
                               const std::set<ViewId>& without) {
  absl::Status status;
  for (int attempt = 0; attempt < kMostRaces; ++attempt) {
    status = FlushOnce(backlog, without);
    if (!absl::IsAborted(status)) break;
  }
  return status;
}

absl::Status TableFlush::FlushOnce(absl::Span<const TaskBacklog> backlog,
                                   const std::set<ViewId>& without) {
  Pass pass{.left_out = without};
  for (const TaskBacklog& task : backlog) {
    for (const ClosedSegment& segment : task.segments)
      RETURN_IF_ERROR(ReadSegment(task.task, segment, &pass));
  }
  WriteFiles(&pass);
  ForEachView(&pass, [&](const ViewId& view, ViewPart& part) {
    return Commit(part, *tables_.at(view), pass.clocks);
  });
  return pass.first_error;
}

absl::Status TableFlush::ReadSegment(const TaskId& task, const ClosedSegment& segment, Pass* pass) {
  ASSIGN_OR_RETURN(FrameReader reader, FrameReader::Open(segment.path));
  while (true) {
    const int64_t before = reader.place();
    ASSIGN_OR_RETURN(std::optional<ChangeFrame> frame, reader.Next());
    if (!frame) return absl::OkStatus();
    pass->clocks[task] = {frame->clock.value(), frame->complete_before.value()};
    for (const ViewRows& rows : frame->sections) {
      if (pass->left_out.contains(rows.view)) continue;
      if (absl::Status status = AddRows(task, rows, frame->position, pass); !status.ok())
        LeaveOut(rows.view, status, pass);
    }
    pass->bytes += reader.place() - before;
    if (pass->bytes >= kPortionBytes) WriteFiles(pass);
  }
}

absl::Status TableFlush::AddRows(const TaskId& task, const ViewRows& rows, Offset position,
                                 Pass* pass) {
  ViewPart& part = pass->views[rows.view];
  if (part.flush == nullptr) {
    ASSIGN_OR_RETURN(DeltaTable * table, FreshTable(rows.view, *rows.rows->schema()));
    part.flush = std::make_unique<ViewFlush>(warehouse_.get(), encoding_, now_us_, table);
  }
  part.tasks.insert(task);
  part.flush->Add(AppId(rows.view, task), rows.rows, position);
  return absl::OkStatus();
}

absl::StatusOr<DeltaTable*> TableFlush::FreshTable(const ViewId& view,
                                                   const arrow::Schema& change_schema) {
  std::unique_ptr<DeltaTable>& table = tables_[view];
  if (table != nullptr) {
    RETURN_IF_ERROR(table->Refresh());
    return table.get();
  }
  std::map<std::string, std::string> properties;
  if (auto of_view = fingerprints_.find(view); of_view != fingerprints_.end())
    properties[kFingerprintProperty] = of_view->second;
  ASSIGN_OR_RETURN(table, DeltaTable::OpenOrCreate(warehouse_, OfflineTablePath(view),
                                                   change_schema, now_us_(), properties));
  return table.get();
}

void TableFlush::WriteFiles(Pass* pass) {
  ForEachView(pass, [](const ViewId&, ViewPart& part) { return part.flush->WriteFiles(); });
  pass->bytes = 0;
}

absl::Status TableFlush::Commit(const ViewPart& part, const DeltaTable& table,
                                const std::map<TaskId, TaskClock>& clocks) {
  TaskClocks of_table;
  for (const auto& [task, clock] : clocks) {
    // A task that reads again for a new view has a clock that the others have passed: Append keeps
    // the later one.
    if (part.tasks.contains(task) || table.snapshot().clocks.contains(TaskName(task)))
      of_table[TaskName(task)] = clock;
  }
  return part.flush->Commit(std::move(of_table));
}

void TableFlush::ForEachView(Pass* pass,
                             const std::function<absl::Status(const ViewId&, ViewPart&)>& what) {
  std::map<ViewId, absl::Status> failed;
  for (auto& [view, part] : pass->views) {
    if (absl::Status status = what(view, part); !status.ok()) failed[view] = status;
  }
  for (const auto& [view, status] : failed) LeaveOut(view, status, pass);
}

void TableFlush::LeaveOut(const ViewId& view, const absl::Status& reason, Pass* pass) {
  pass->first_error.Update(reason);
  pass->left_out.insert(view);
  pass->views.erase(view);
  tables_.erase(view);
}

}  // namespace forebay
