#include "offline/delta/delta_table.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "offline/delta/checkpoint.h"
#include "offline/delta/random_id.h"
#include "offline/delta/table_schema.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int64_t kCheckpointEvery = 10;  // commits
constexpr int kMostConflicts = 1000;

// Long, since Spark refuses to travel further back than the file retention.
const StringMap& TableConfiguration() {
  static const auto& configuration = *new StringMap{
      {"delta.checkpointInterval", std::to_string(kCheckpointEvery)},
      {kFileRetentionProperty, "interval 3650 days"},
      {"delta.logRetentionDuration", "interval 3650 days"},
  };
  return configuration;
}

// Empty if every column of `wanted` is in `found` with its type.
std::string Difference(const arrow::Schema& found, const arrow::Schema& wanted) {
  for (const auto& field : wanted.fields()) {
    auto have = found.GetFieldByName(field->name());
    if (have == nullptr) return fmt::format("it lacks column {}", field->name());
    if (!have->type()->Equals(field->type())) {
      return fmt::format("its column {} is {}, not {}", field->name(), have->type()->ToString(),
                         field->type()->ToString());
    }
  }
  for (const auto& field : found.fields()) {
    if (wanted.GetFieldByName(field->name()) == nullptr && !field->nullable()) {
      return fmt::format("it has a column {}, never null", field->name());
    }
  }
  return "";
}

// What makes a new table: the columns of `data_schema`, then `date`, by which it is partitioned.
absl::StatusOr<std::vector<Action>> CreationOf(const arrow::Schema& data_schema,
                                               const StringMap& properties, int64_t now_us) {
  arrow::FieldVector fields = data_schema.fields();
  fields.push_back(arrow::field("date", arrow::date32()));
  ASSIGN_OR_RETURN(std::string schema, ToDeltaSchema(*WithFieldIds(*arrow::schema(fields))));
  StringMap configuration = TableConfiguration();
  configuration.insert(properties.begin(), properties.end());
  return std::vector<Action>{CommitInfoAction{.operation = "CREATE TABLE"}, ProtocolAction{},
                             MetadataAction{.id = RandomId(),
                                            .schema = std::move(schema),
                                            .partition_columns = {"date"},
                                            .configuration = std::move(configuration),
                                            .created_ms = now_us / 1000}};
}

void AddTransactions(const AppendRequest& request, int64_t now_us, std::vector<Action>* actions) {
  for (const auto& [app_id, version] : request.transactions) {
    actions->push_back(
        TransactionAction{.app_id = app_id, .version = version, .updated_ms = now_us / 1000});
  }
}

}  // namespace

// An interval that delta-rs and Spark parse alike.
std::map<std::string, std::string> RetentionProperties(absl::Duration retention) {
  const std::string interval =
      fmt::format("interval {} seconds", std::max<int64_t>(0, absl::ToInt64Seconds(retention)));
  return {{kFileRetentionProperty, interval}, {"delta.logRetentionDuration", interval}};
}

absl::StatusOr<std::unique_ptr<DeltaTable>> DeltaTable::Open(std::shared_ptr<ObjectStore> store,
                                                             std::string path) {
  std::unique_ptr<DeltaTable> table(new DeltaTable(std::move(store), std::move(path)));
  ASSIGN_OR_RETURN(table->snapshot_, LoadSnapshot(*table->store_, table->path_, std::nullopt));
  return table;
}

absl::StatusOr<std::unique_ptr<DeltaTable>> DeltaTable::OpenOrCreate(
    std::shared_ptr<ObjectStore> store, std::string path, const arrow::Schema& data_schema,
    int64_t now_us, const std::map<std::string, std::string>& properties) {
  absl::StatusOr<std::unique_ptr<DeltaTable>> table = Open(store, path);
  if (absl::IsNotFound(table.status())) {
    std::unique_ptr<DeltaTable> created(new DeltaTable(store, path));
    ASSIGN_OR_RETURN(std::vector<Action> actions, CreationOf(data_schema, properties, now_us));
    absl::Status status = created->TryCommit(std::move(actions), now_us);
    if (status.ok()) return created;
    if (!absl::IsAlreadyExists(status)) return status;
    table = Open(store, path);
  }
  RETURN_IF_ERROR(table.status());
  RETURN_IF_ERROR((*table)->CheckColumns(data_schema));
  RETURN_IF_ERROR((*table)->GiveFieldIds(now_us));
  return table;
}

absl::Status DeltaTable::CreateWith(std::shared_ptr<ObjectStore> store, std::string path,
                                    const arrow::Schema& data_schema, const AppendRequest& first,
                                    int64_t now_us,
                                    const std::map<std::string, std::string>& properties) {
  DeltaTable created(std::move(store), std::move(path));
  ASSIGN_OR_RETURN(std::vector<Action> actions, CreationOf(data_schema, properties, now_us));
  std::get<CommitInfoAction>(actions.front()).clocks = first.clocks;
  AddTransactions(first, now_us, &actions);
  actions.insert(actions.end(), first.files.begin(), first.files.end());
  return created.TryCommit(std::move(actions), now_us);
}

absl::StatusOr<int64_t> DeltaTable::WriteWhole(std::shared_ptr<ObjectStore> store, std::string path,
                                               const WholeTable& whole, bool overwrite,
                                               int64_t now_us) {
  ASSIGN_OR_RETURN(std::string schema, ToDeltaSchema(*WithFieldIds(*whole.schema)));
  absl::StatusOr<std::unique_ptr<DeltaTable>> there = Open(store, path);
  if (absl::IsNotFound(there.status())) {
    DeltaTable created(store, path);
    std::vector<Action> actions = {CommitInfoAction{.operation = "CREATE TABLE AS SELECT"},
                                   ProtocolAction{},
                                   MetadataAction{.id = RandomId(),
                                                  .schema = std::move(schema),
                                                  .partition_columns = whole.partition_columns,
                                                  .configuration = TableConfiguration(),
                                                  .created_ms = now_us / 1000}};
    actions.insert(actions.end(), whole.files.begin(), whole.files.end());
    RETURN_IF_ERROR(created.TryCommit(std::move(actions), now_us));
    return created.snapshot_.version;
  }
  RETURN_IF_ERROR(there.status());
  DeltaTable& table = **there;
  if (!overwrite) {
    return absl::AlreadyExistsError(
        fmt::format("there is a Delta table {} already", store->Describe(path)));
  }
  auto make = [&]() -> absl::StatusOr<std::vector<Action>> {
    MetadataAction metadata = table.snapshot_.metadata;
    metadata.schema = schema;
    metadata.partition_columns = whole.partition_columns;
    std::vector<Action> actions = {CommitInfoAction{.operation = "WRITE"}, std::move(metadata)};
    for (const auto& [name, file] : table.snapshot_.files) {
      actions.push_back(
          RemoveAction{.path = name, .partition_values = file.partition_values, .size = file.size});
    }
    actions.insert(actions.end(), whole.files.begin(), whole.files.end());
    return actions;
  };
  RETURN_IF_ERROR(table.Commit(make, now_us));
  return table.snapshot_.version;
}

absl::Status DeltaTable::CheckColumns(const arrow::Schema& data_schema) const {
  std::string difference = Difference(*DataSchema(), data_schema);
  if (difference.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "the offline table {} was made for other columns: {}; a changed view needs a new version, or "
      "`forebay reset` of this one",
      store_->Describe(path_), difference));
}

// Clean-ups take old versions out of the log, the oldest first. Where they have taken the one that
// is known here, the next ones may be gone, too, and their numbers free, though there are newer
// ones.
absl::Status DeltaTable::Refresh() {
  const int64_t known = snapshot_.version;
  ASSIGN_OR_RETURN(
      std::vector<ObjectInfo> log,
      store_->ListAfter(path_ + "/_delta_log", known == 0 ? "" : CommitPath(path_, known - 1)));
  int64_t newest = -1;
  bool is_there = false;
  for (const ObjectInfo& object : log) {
    std::optional<LogFileName> name = ParseLogFileName(object.path);
    if (!name || name->suffix != ".json") continue;
    newest = std::max(newest, name->version);
    is_there = is_there || name->version == known;
  }
  if (is_there) RETURN_IF_ERROR(RefreshSnapshot(*store_, path_, newest, &snapshot_));
  if (is_there && snapshot_.version == newest) return absl::OkStatus();
  ASSIGN_OR_RETURN(snapshot_, LoadSnapshot(*store_, path_, std::nullopt));
  return absl::OkStatus();
}

absl::Status DeltaTable::MendCheckpoint() {
  if (snapshot_.lost_checkpoint < 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(Snapshot then, LoadSnapshot(*store_, path_, snapshot_.lost_checkpoint));
  RETURN_IF_ERROR(WriteCheckpoint(store_.get(), path_, then));
  snapshot_.lost_checkpoint = -1;
  return absl::OkStatus();
}

std::optional<int64_t> DeltaTable::TransactionVersion(const std::string& app_id) const {
  auto it = snapshot_.transactions.find(app_id);
  if (it == snapshot_.transactions.end()) return std::nullopt;
  return it->second.version;
}

absl::Status DeltaTable::CheckWritable() const {
  if (snapshot_.metadata.schema.find("\"delta.invariants\"") != std::string::npos) {
    return absl::FailedPreconditionError(fmt::format(
        "Delta table {} has invariants of columns (delta.invariants), which forebay does "
        "not check: take them away with the program that set them",
        store_->Describe(path_)));
  }
  const ProtocolAction& protocol = snapshot_.protocol;
  if (protocol.min_writer_version <= 2) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "Delta table {} uses {}, which needs a writer of protocol {}; forebay writes version 2. "
      "Another program upgraded it: copy its rows to a new warehouse",
      store_->Describe(path_), NameTableFeatures(protocol.writer_features, ""),
      protocol.min_writer_version));
}

// The first action is the commitInfo.
absl::Status DeltaTable::TryCommit(std::vector<Action> actions, int64_t now_us) {
  auto& info = std::get<CommitInfoAction>(actions.front());
  // Readers travel by file time, so times must increase with versions, also after a clock was set
  // back.
  info.timestamp_ms = std::max(now_us / 1000, snapshot_.timestamp_ms + 1);
  if (info.clocks.empty()) info.clocks = snapshot_.clocks;
  info.actions = std::ssize(actions);
  std::string text;
  for (Action& action : actions) {
    if (auto* remove = std::get_if<RemoveAction>(&action)) remove->deleted_ms = info.timestamp_ms;
    text += ToJsonLine(action) + "\n";
  }
  int64_t version = snapshot_.version + 1;
  const std::string path = CommitPath(path_, version);
  RETURN_IF_ERROR(store_->PutIfAbsent(path, text, info.timestamp_ms * 1000));
  if (version > 0) {
    absl::Status before = store_->Open(CommitPath(path_, version - 1)).status();
    if (absl::IsNotFound(before)) {  // see Refresh: it is not the newest, and nobody reads it
      RETURN_IF_ERROR(store_->Delete(path));
      return absl::AlreadyExistsError("");
    }
    RETURN_IF_ERROR(before);
  }
  return ApplyCommit(actions, version, &snapshot_);
}

absl::Status DeltaTable::Commit(const MakeActions& make, int64_t now_us) {
  for (int attempt = 0; attempt < kMostConflicts; ++attempt) {
    RETURN_IF_ERROR(CheckWritable());
    ASSIGN_OR_RETURN(std::vector<Action> actions, make());
    if (actions.empty()) return absl::OkStatus();
    absl::Status status = TryCommit(std::move(actions), now_us);
    if (status.ok()) {
      if (snapshot_.version % kCheckpointEvery == 0)
        checkpoint_status_ = WriteCheckpoint(store_.get(), path_, snapshot_);
      return status;
    }
    if (!absl::IsAlreadyExists(status)) return status;
    RETURN_IF_ERROR(Refresh());
  }
  return absl::UnavailableError(fmt::format("{} other commits came first in Delta table {}",
                                            kMostConflicts, store_->Describe(path_)));
}

absl::StatusOr<int64_t> DeltaTable::Append(const AppendRequest& request, int64_t now_us) {
  std::map<std::string, std::optional<int64_t>> before;
  for (const auto& [app_id, version] : request.transactions)
    before[app_id] = TransactionVersion(app_id);
  auto make = [&]() -> absl::StatusOr<std::vector<Action>> {
    CommitInfoAction info{.operation = "WRITE", .clocks = snapshot_.clocks};
    for (const auto& [task, clock] : request.clocks) {
      TaskClock& merged = info.clocks.try_emplace(task, clock).first->second;
      merged.clock = std::max(merged.clock, clock.clock);
      merged.complete_before = std::max(merged.complete_before, clock.complete_before);
    }
    std::vector<Action> actions = {std::move(info)};
    for (const auto& [app_id, version] : request.transactions) {
      if (TransactionVersion(app_id) != before[app_id]) {
        return absl::AbortedError(
            fmt::format("another writer moved {} in Delta table {} at the same time", app_id,
                        store_->Describe(path_)));
      }
    }
    AddTransactions(request, now_us, &actions);
    actions.insert(actions.end(), request.files.begin(), request.files.end());
    return actions;
  };
  RETURN_IF_ERROR(Commit(make, now_us));
  return snapshot_.version;
}

absl::StatusOr<std::vector<bool>> DeltaTable::Rewrite(const RewriteRequest& request,
                                                      int64_t now_us) {
  std::vector<bool> committed;
  auto make = [&]() -> absl::StatusOr<std::vector<Action>> {
    committed.assign(request.replacements.size(), false);
    std::vector<Action> actions = {CommitInfoAction{.operation = request.operation}};
    for (size_t i = 0; i < request.replacements.size(); ++i) {
      const FileReplacement& replacement = request.replacements[i];
      committed[i] = std::all_of(replacement.removed.begin(), replacement.removed.end(),
                                 [&](const auto& path) { return snapshot_.files.contains(path); });
      if (!committed[i]) continue;
      for (const std::string& path : replacement.removed) {
        const AddAction& file = snapshot_.files.at(path);
        actions.push_back(RemoveAction{.path = path,
                                       .data_change = request.data_change,
                                       .partition_values = file.partition_values,
                                       .size = file.size});
      }
      for (AddAction added : replacement.added) {
        added.data_change = request.data_change;
        actions.push_back(std::move(added));
      }
    }
    if (actions.size() == 1) actions.clear();
    return actions;
  };
  RETURN_IF_ERROR(Commit(make, now_us));
  return committed;
}

absl::Status DeltaTable::SetProperties(const std::map<std::string, std::string>& properties,
                                       int64_t now_us) {
  return Commit(
      [&]() -> absl::StatusOr<std::vector<Action>> {
        MetadataAction metadata = snapshot_.metadata;
        for (const auto& [name, value] : properties) metadata.configuration[name] = value;
        if (metadata.configuration == snapshot_.metadata.configuration)
          return std::vector<Action>();
        return std::vector<Action>{CommitInfoAction{.operation = "SET TBLPROPERTIES"}, metadata};
      },
      now_us);
}

absl::Status DeltaTable::GiveFieldIds(int64_t now_us) {
  if (HasFieldIds(*snapshot_.schema)) return absl::OkStatus();
  return Commit(
      [&]() -> absl::StatusOr<std::vector<Action>> {
        if (HasFieldIds(*snapshot_.schema)) return std::vector<Action>();
        MetadataAction metadata = snapshot_.metadata;
        ASSIGN_OR_RETURN(metadata.schema, ToDeltaSchema(*WithFieldIds(*snapshot_.schema)));
        return std::vector<Action>{CommitInfoAction{.operation = "SET FIELD IDS"}, metadata};
      },
      now_us);
}

absl::Status DeltaTable::ChangeProperty(
    const std::string& name, const std::function<std::string(const std::string&)>& change,
    int64_t now_us) {
  return Commit(
      [&]() -> absl::StatusOr<std::vector<Action>> {
        MetadataAction metadata = snapshot_.metadata;
        std::string& value = metadata.configuration[name];
        std::string changed = change(value);
        if (changed == value) return std::vector<Action>();
        value = std::move(changed);
        return std::vector<Action>{CommitInfoAction{.operation = "SET TBLPROPERTIES"}, metadata};
      },
      now_us);
}

// Readers tell no columns apart that differ in case only.
absl::Status DeltaTable::CheckNewName(const std::string& name) const {
  for (const auto& field : snapshot_.schema->fields()) {
    if (!absl::EqualsIgnoreCase(field->name(), name)) continue;
    return absl::FailedPreconditionError(
        fmt::format("Delta table {} has a column {}, from which {} differs in case only",
                    store_->Describe(path_), field->name(), name));
  }
  return absl::OkStatus();
}

absl::Status DeltaTable::AddColumns(const arrow::Schema& columns, int64_t now_us) {
  return Commit(
      [&]() -> absl::StatusOr<std::vector<Action>> {
        arrow::FieldVector fields = snapshot_.schema->fields();
        for (const auto& column : columns.fields()) {
          auto have = snapshot_.schema->GetFieldByName(column->name());
          if (have == nullptr) {
            RETURN_IF_ERROR(CheckNewName(column->name()));
            fields.push_back(column->WithNullable(true));
          } else if (!have->type()->Equals(column->type())) {
            return absl::FailedPreconditionError(fmt::format(
                "column {} of Delta table {} is {}, not {}", column->name(),
                store_->Describe(path_), have->type()->ToString(), column->type()->ToString()));
          }
        }
        if (static_cast<int>(fields.size()) == snapshot_.schema->num_fields())
          return std::vector<Action>();
        MetadataAction metadata = snapshot_.metadata;
        ASSIGN_OR_RETURN(metadata.schema, ToDeltaSchema(*WithFieldIds(*arrow::schema(fields))));
        return std::vector<Action>{CommitInfoAction{.operation = "ADD COLUMNS"}, metadata};
      },
      now_us);
}

}  // namespace forebay
