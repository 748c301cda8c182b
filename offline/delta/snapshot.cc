#include "offline/delta/snapshot.h"

#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "offline/delta/checkpoint.h"
#include "offline/delta/table_schema.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"

namespace forebay {

std::string NameTableFeatures(const std::vector<std::string>& names, std::string_view otherwise) {
  if (names.empty()) return otherwise.empty() ? "a newer protocol" : std::string(otherwise);
  return fmt::format("{}", fmt::join(names, ", "));
}

namespace {

struct Replay {
  Snapshot* snapshot;

  absl::Status operator()(const CommitInfoAction& a) {
    snapshot->timestamp_ms = std::max(snapshot->timestamp_ms, a.timestamp_ms);
    if (!a.clocks.empty()) snapshot->clocks = a.clocks;
    return absl::OkStatus();
  }
  absl::Status operator()(const ProtocolAction& a) {
    snapshot->protocol = a;
    if (a.min_reader_version > 1) {
      return absl::FailedPreconditionError(fmt::format(
          "it uses {}, which needs a reader of Delta protocol {}; forebay reads version 1. Another "
          "program upgraded it: copy its rows to a new table there",
          NameTableFeatures(a.reader_features, a.min_reader_version == 2 ? "column mapping" : ""),
          a.min_reader_version));
    }
    return absl::OkStatus();
  }
  absl::Status operator()(const MetadataAction& a) {
    if (auto mode = a.configuration.find("delta.columnMapping.mode");
        mode != a.configuration.end() && mode->second != "none") {
      return absl::FailedPreconditionError(
          "it uses column mapping (delta.columnMapping.mode), which forebay does not read");
    }
    snapshot->metadata = a;
    ASSIGN_OR_RETURN(snapshot->schema, FromDeltaSchema(a.schema));
    return absl::OkStatus();
  }
  absl::Status operator()(const TransactionAction& a) {
    snapshot->transactions[a.app_id] = a;
    return absl::OkStatus();
  }
  absl::Status operator()(const AddAction& a) {
    if (a.has_deletion_vector) {
      return absl::FailedPreconditionError(fmt::format(
          "it uses deletion vectors (of file {}), which forebay does not read", a.path));
    }
    snapshot->removed.erase(a.path);
    snapshot->files[a.path] = a;
    return absl::OkStatus();
  }
  absl::Status operator()(const RemoveAction& a) {
    snapshot->files.erase(a.path);
    snapshot->removed[a.path] = a;
    return absl::OkStatus();
  }
};

constexpr std::string_view kWaysOut =
    "put the files of the table back from a copy, or build its view anew with `forebay reset`";

// The newest checkpoint at or below `up_to`; -1: none. NOT_FOUND: there is no log at all.
absl::StatusOr<int64_t> FindCheckpoint(const ObjectStore& store, const std::string& table,
                                       std::optional<int64_t> up_to) {
  if (!up_to) {
    absl::StatusOr<std::string> hint = store.Get(table + "/_delta_log/_last_checkpoint");
    if (hint.ok()) {
      auto json = nlohmann::json::parse(*hint, nullptr, false);
      if (json.is_object() && json.contains("version") && json["version"].is_number_integer()) {
        return json["version"].get<int64_t>();
      }
    } else if (!absl::IsNotFound(hint.status())) {
      return hint.status();
    }
    // No checkpoint, or a damaged hint: look for commit 0 before listing a folder that may be long.
    if (store.Open(CommitPath(table, 0)).ok()) return -1;
  }
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store.List(table + "/_delta_log"));
  if (objects.empty()) return NoDeltaTable(store, table);
  int64_t newest = -1;
  for (const auto& [version, parts] : FindCheckpoints(objects)) {
    if (!up_to || version <= *up_to) newest = version;
  }
  return newest;
}

// A checkpoint has no commitInfo, so no clocks: those of the newest commit up to its version that
// has some. The commits of other programs have none.
absl::Status FindClocks(const ObjectStore& store, const std::string& table, int64_t version,
                        Snapshot* snapshot) {
  for (; version >= 0 && snapshot->clocks.empty(); --version) {
    absl::StatusOr<std::vector<Action>> commit = ReadCommit(store, table, version);
    if (absl::IsNotFound(commit.status())) return absl::OkStatus();
    RETURN_IF_ERROR(commit.status());
    for (const Action& action : *commit) {
      const auto* info = std::get_if<CommitInfoAction>(&action);
      if (info == nullptr) continue;
      snapshot->timestamp_ms = std::max(snapshot->timestamp_ms, info->timestamp_ms);
      snapshot->clocks = info->clocks;
    }
  }
  return absl::OkStatus();
}

absl::Status ReplayCheckpoint(const ObjectStore& store, const std::string& table, int64_t version,
                              Snapshot* snapshot) {
  ASSIGN_OR_RETURN(std::vector<Action> actions, ReadCheckpoint(store, table, version));
  RETURN_IF_ERROR(ApplyCommit(actions, version, snapshot));
  return FindClocks(store, table, version, snapshot);
}

// After the last commit that was found: whether later ones are there without the next.
absl::Status CheckNoGap(const ObjectStore& store, const std::string& table, int64_t version) {
  const std::string next = CommitPath(table, version + 1);
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store.ListAfter(table + "/_delta_log", next));
  auto later = std::find_if(objects.begin(), objects.end(), [&](const ObjectInfo& object) {
    return object.path.size() == next.size() && object.path.ends_with(".json");
  });
  if (later == objects.end() || store.Open(next).ok()) return absl::OkStatus();  // just written
  return absl::DataLossError(fmt::format("{} is missing, and {} is there: {}", store.Describe(next),
                                         store.Describe(later->path), kWaysOut));
}

}  // namespace

absl::Status NoDeltaTable(const ObjectStore& store, const std::string& table) {
  return absl::NotFoundError(fmt::format("there is no Delta table in {}", store.Describe(table)));
}

std::shared_ptr<arrow::Schema> DataSchema(const Snapshot& table) {
  const auto& partitions = table.metadata.partition_columns;
  arrow::FieldVector fields;
  for (const auto& field : table.schema->fields()) {
    if (std::find(partitions.begin(), partitions.end(), field->name()) == partitions.end())
      fields.push_back(field);
  }
  return arrow::schema(std::move(fields));
}

const TaskClocks::value_type* LeastComplete(const Snapshot& table) {
  auto of_files = [](const auto& task) {
    return IsBatchTopic(std::string_view(task.first).substr(0, task.first.rfind('-')));
  };
  const bool files_alone = std::all_of(table.clocks.begin(), table.clocks.end(), of_files);
  const TaskClocks::value_type* least = nullptr;
  for (const auto& task : table.clocks) {
    if (of_files(task) && !files_alone) continue;
    if (least == nullptr || task.second.complete_before < least->second.complete_before)
      least = &task;
  }
  return least;
}

std::optional<int64_t> CompleteBefore(const Snapshot& table) {
  const TaskClocks::value_type* least = LeastComplete(table);
  return least == nullptr ? std::nullopt : std::optional(least->second.complete_before);
}

std::optional<LogFileName> ParseLogFileName(std::string_view path) {
  constexpr size_t kDigits = 20;
  const std::string_view name = path.substr(path.rfind('/') + 1);
  LogFileName parsed;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), parsed.version);
  if (error != std::errc() || end != name.data() + kDigits) return std::nullopt;
  parsed.suffix = name.substr(kDigits);
  return parsed;
}

std::string CommitPath(const std::string& table, int64_t version) {
  return fmt::format("{}/_delta_log/{:020}.json", table, version);
}

std::string CheckpointPath(const std::string& table, int64_t version) {
  return fmt::format("{}/_delta_log/{:020}.checkpoint.parquet", table, version);
}

absl::Status ApplyCommit(const std::vector<Action>& actions, int64_t version, Snapshot* snapshot) {
  for (const Action& action : actions) {
    RETURN_IF_ERROR(std::visit(Replay{snapshot}, action));
  }
  snapshot->version = version;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Action>> ReadCommit(const ObjectStore& store, const std::string& table,
                                               int64_t version) {
  std::string path = CommitPath(table, version);
  ASSIGN_OR_RETURN(std::string text, store.Get(path));
  absl::StatusOr<std::vector<Action>> actions = ParseCommit(text);
  if (!actions.ok()) {
    return absl::DataLossError(fmt::format("the commit {} is damaged: {}; {}", store.Describe(path),
                                           std::string(actions.status().message()), kWaysOut));
  }
  return actions;
}

absl::Status RefreshSnapshot(const ObjectStore& store, const std::string& table,
                             std::optional<int64_t> up_to, Snapshot* snapshot) {
  while (!up_to || snapshot->version < *up_to) {
    int64_t next = snapshot->version + 1;
    absl::StatusOr<std::vector<Action>> actions = ReadCommit(store, table, next);
    if (absl::IsNotFound(actions.status())) return absl::OkStatus();
    RETURN_IF_ERROR(actions.status());
    if (absl::Status status = ApplyCommit(*actions, next, snapshot); !status.ok()) {
      return absl::Status(status.code(),
                          fmt::format("Delta table {}, version {}: {}", store.Describe(table), next,
                                      std::string(status.message())));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Snapshot> LoadSnapshot(const ObjectStore& store, const std::string& table,
                                      std::optional<int64_t> version) {
  ASSIGN_OR_RETURN(int64_t checkpoint, FindCheckpoint(store, table, version));
  const int64_t newest_checkpoint = checkpoint;
  Snapshot snapshot;
  absl::Status lost;  // why the newest checkpoint cannot be read
  while (checkpoint >= 0) {
    absl::Status replayed = ReplayCheckpoint(store, table, checkpoint, &snapshot);
    if (replayed.ok()) break;
    if (!absl::IsNotFound(replayed) && !absl::IsDataLoss(replayed)) return replayed;
    lost.Update(replayed);
    snapshot = Snapshot();
    ASSIGN_OR_RETURN(checkpoint, FindCheckpoint(store, table, checkpoint - 1));
  }
  RETURN_IF_ERROR(RefreshSnapshot(store, table, version, &snapshot));
  if (!lost.ok()) {
    if (snapshot.version < newest_checkpoint) {
      return absl::DataLossError(fmt::format(
          "the checkpoint of version {} of the Delta table {} cannot be read ({}), and the commits "
          "that it sums up are there up to version {} alone: {}",
          newest_checkpoint, store.Describe(table), std::string(lost.message()), snapshot.version,
          kWaysOut));
    }
    snapshot.lost_checkpoint = newest_checkpoint;
  }
  if (!version) RETURN_IF_ERROR(CheckNoGap(store, table, snapshot.version));
  if (snapshot.version < 0) return NoDeltaTable(store, table);
  if (version && snapshot.version != *version) {
    return absl::NotFoundError(fmt::format("Delta table {} has no version {}; its newest is {}",
                                           store.Describe(table), *version, snapshot.version));
  }
  if (snapshot.schema == nullptr) {
    return absl::DataLossError(
        fmt::format("Delta table {} has no metaData action", store.Describe(table)));
  }
  return snapshot;
}

}  // namespace forebay
