#include "offline/sink/table_flush.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <utility>

#include "offline/change_log/segment.h"
#include "offline/delta/table_range.h"
#include "schemas/definition/view_fingerprint.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int kMostRaces = 10;
constexpr char kTopicProperty[] = "forebay.topic";
constexpr char kGapsProperty[] = "forebay.gaps";

// Of the change log, in memory at a time: row groups of a size that readers like.
constexpr int64_t kPortionBytes = 32 << 20;

const char* MadeOfProperty(const TableId& id) {
  return id.is_archive() ? kTopicProperty : kFingerprintProperty;
}

absl::Status OtherTopic(const TableId& archive, const std::string& before, const std::string& now,
                        const std::string& place) {
  return absl::FailedPreconditionError(fmt::format(
      "the event archive {} holds the events of topic {}, and source {} reads {} now: offsets of "
      "both would mix. Give the source another name, which is a new archive; or remove the old one "
      "with `forebay reset {}`",
      place, before, archive.name, now, archive.ToString()));
}

}  // namespace

std::string OfflineTablePath(const TableId& table) {
  if (table.is_archive()) return "events/" + table.name;
  return fmt::format("offline/{}/v{}", table.name, table.version);
}

std::string AppIdPrefix(const std::string& project, const TableId& table) {
  if (table.is_archive()) return fmt::format("{}/events/{}/", project, table.name);
  return fmt::format("{}/{}/v{}/", project, table.name, table.version);
}

std::string TaskName(const TaskId& task) {
  return fmt::format("{}-{}", task.topic, task.partition.value());
}

std::string TableFlush::AppId(const TableId& id, const TaskId& task) const {
  return AppIdPrefix(project_, id) + TaskName(task);
}

// Each project has positions of its own in a table.
absl::Status TableFlush::CheckOwner(const TableId& archive, const DeltaTable& table) const {
  const std::string of_archive = AppIdPrefix("", archive);
  for (const auto& [app_id, transaction] : table.snapshot().transactions) {
    size_t at = app_id.find(of_archive);
    if (at == std::string::npos || app_id.substr(0, at) == project_) continue;
    return absl::FailedPreconditionError(fmt::format(
        "the event archive {} is that of project {}: events would be in it twice. Of two projects "
        "that share a warehouse and a topic one is to archive it; or give source {} another name, "
        "or project {} a warehouse of its own",
        warehouse_->Describe(table.path()), app_id.substr(0, at), archive.name, project_));
  }
  return absl::OkStatus();
}

absl::Status TableFlush::CheckMadeOf(const TableId& id, const DeltaTable& table) const {
  if (id.is_archive()) RETURN_IF_ERROR(CheckOwner(id, table));
  RETURN_IF_ERROR(
      CheckOfWholeHistory(table.snapshot(), id.ToString(), warehouse_->Describe(table.path())));
  const auto& properties = table.snapshot().metadata.configuration;
  auto before = properties.find(MadeOfProperty(id));
  auto now = made_of_.find(id);
  if (before == properties.end() || now == made_of_.end() || before->second == now->second)
    return absl::OkStatus();
  if (id.is_archive())
    return OtherTopic(id, before->second, now->second, warehouse_->Describe(table.path()));
  return ChangedUnderVersion({id.name, id.version}, before->second, now->second,
                             "its offline table");
}

// A source may get columns while it is archived.
absl::Status TableFlush::FitColumns(const TableId& id, const arrow::Schema& schema,
                                    DeltaTable* table) const {
  if (id.is_archive()) {
    absl::Status added = table->AddColumns(schema, now_us_());
    if (!absl::IsFailedPrecondition(added)) return added;
    return absl::FailedPreconditionError(fmt::format(
        "{}: archived columns keep their names and types. Declare the column as it was; or leave "
        "it out and take the values from another one; or give source {} another name, which is a "
        "new archive; or remove this one with `forebay reset {}`",
        std::string(added.message()), id.name, id.ToString()));
  }
  return table->CheckColumns(schema);
}

void TableFlush::Expect(absl::Span<const TaskId> tasks) {
  expected_ = {tasks.begin(), tasks.end()};
  looked_at_.clear();
}

absl::StatusOr<std::optional<Offset>> TableFlush::HeldPosition(const TableId& id,
                                                               const arrow::Schema& schema,
                                                               const TaskId& task) {
  auto it = tables_.find(id);
  const bool known = expected_.contains(task) && looked_at_.contains(id);
  if (known && it == tables_.end()) return std::nullopt;
  if (it == tables_.end()) {
    absl::StatusOr<std::unique_ptr<DeltaTable>> table =
        DeltaTable::Open(warehouse_, OfflineTablePath(id));
    if (absl::IsNotFound(table.status())) {
      looked_at_.insert(id);
      return std::nullopt;
    }
    RETURN_IF_ERROR(table.status());
    RETURN_IF_ERROR((*table)->MendCheckpoint());
    RETURN_IF_ERROR(CheckMadeOf(id, **table));
    RETURN_IF_ERROR(FitColumns(id, schema, table->get()));
    it = tables_.emplace(id, *std::move(table)).first;
  } else if (!known) {
    RETURN_IF_ERROR(it->second->Refresh());
  }
  looked_at_.insert(id);
  std::optional<int64_t> version = it->second->TransactionVersion(AppId(id, task));
  if (!version) return std::nullopt;
  return Offset(*version - 1);
}

absl::Status TableFlush::NoteGap(const TableId& archive, const arrow::Schema& schema,
                                 const TaskId& task, const ArchiveGap& gap) {
  ASSIGN_OR_RETURN(DeltaTable * table, FreshTable(archive, schema));
  std::string text = fmt::format("{}:{}-{}", TaskName(task), gap.first.value(), gap.last.value());
  auto add = [&](const std::string& gaps) {
    bool noted = (" " + gaps + " ").find(" " + text + " ") != std::string::npos;
    return noted ? gaps : gaps.empty() ? text : gaps + " " + text;
  };
  return table->ChangeProperty(kGapsProperty, add, now_us_());
}

absl::Status TableFlush::Flush(absl::Span<const TaskBacklog> backlog,
                               const std::set<TableId>& without) {
  absl::Status status;
  for (int attempt = 0; attempt < kMostRaces; ++attempt) {
    status = FlushOnce(backlog, without);
    if (!absl::IsAborted(status)) break;
  }
  return status;
}

absl::Status TableFlush::FlushOnce(absl::Span<const TaskBacklog> backlog,
                                   const std::set<TableId>& without) {
  Pass pass{.left_out = without};
  for (const TaskBacklog& task : backlog) {
    for (const ClosedSegment& segment : task.segments)
      RETURN_IF_ERROR(ReadSegment(task.task, segment, &pass));
  }
  WriteFiles(&pass);
  ForEachTable(&pass, [&](const TableId& id, TablePart& part) {
    return Commit(part, *tables_.at(id), pass.clocks);
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
    for (const TableRows& rows : frame->sections) {
      if (pass->left_out.contains(rows.table)) continue;
      if (absl::Status status = AddRows(task, rows, frame->position, pass); !status.ok())
        LeaveOut(rows.table, status, pass);
    }
    pass->bytes += reader.place() - before;
    if (pass->bytes >= kPortionBytes) WriteFiles(pass);
  }
}

absl::Status TableFlush::AddRows(const TaskId& task, const TableRows& rows, Offset position,
                                 Pass* pass) {
  TablePart& part = pass->tables[rows.table];
  if (part.flush == nullptr) {
    ASSIGN_OR_RETURN(DeltaTable * table, FreshTable(rows.table, *rows.rows->schema()));
    RETURN_IF_ERROR(table->CheckWritable());
    part.flush = std::make_unique<ViewFlush>(warehouse_.get(), encoding_, now_us_, table);
  }
  if (part.schema == nullptr || !part.schema->Equals(*rows.rows->schema())) {
    part.schema = rows.rows->schema();
    RETURN_IF_ERROR(FitColumns(rows.table, *part.schema, tables_.at(rows.table).get()));
  }
  part.tasks.insert(task);
  return part.flush->Add(AppId(rows.table, task), rows.rows, position);
}

absl::StatusOr<DeltaTable*> TableFlush::FreshTable(const TableId& id, const arrow::Schema& schema) {
  if (auto it = tables_.find(id); it != tables_.end()) {
    DeltaTable* table = it->second.get();
    RETURN_IF_ERROR(table->Refresh());
    if (id.is_archive()) RETURN_IF_ERROR(CheckOwner(id, *table));
    return table;
  }
  std::map<std::string, std::string> properties;
  if (auto made_of = made_of_.find(id); made_of != made_of_.end())
    properties[MadeOfProperty(id)] = made_of->second;
  absl::StatusOr<std::unique_ptr<DeltaTable>> table = absl::NotFoundError("");
  // An archive may lack columns as yet.
  if (id.is_archive()) table = DeltaTable::Open(warehouse_, OfflineTablePath(id));
  if (absl::IsNotFound(table.status())) {
    table =
        DeltaTable::OpenOrCreate(warehouse_, OfflineTablePath(id), schema, now_us_(), properties);
  }
  RETURN_IF_ERROR(table.status());
  RETURN_IF_ERROR(CheckMadeOf(id, **table));
  return tables_.emplace(id, *std::move(table)).first->second.get();
}

void TableFlush::WriteFiles(Pass* pass) {
  ForEachTable(pass, [](const TableId&, TablePart& part) { return part.flush->WriteFiles(); });
  pass->bytes = 0;
}

absl::Status TableFlush::Commit(const TablePart& part, const DeltaTable& table,
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

void TableFlush::ForEachTable(Pass* pass,
                              const std::function<absl::Status(const TableId&, TablePart&)>& what) {
  std::map<TableId, absl::Status> failed;
  for (auto& [id, part] : pass->tables) {
    if (absl::Status status = what(id, part); !status.ok()) failed[id] = status;
  }
  for (const auto& [id, status] : failed) LeaveOut(id, status, pass);
}

void TableFlush::LeaveOut(const TableId& id, const absl::Status& reason, Pass* pass) {
  pass->first_error.Update(reason);
  pass->left_out.insert(id);
  pass->tables.erase(id);
  tables_.erase(id);
  looked_at_.erase(id);
}

}  // namespace forebay
