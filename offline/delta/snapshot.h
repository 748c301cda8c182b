// A Delta table at one version: its log, replayed.
#ifndef FOREBAY_OFFLINE_DELTA_SNAPSHOT_H_
#define FOREBAY_OFFLINE_DELTA_SNAPSHOT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/actions.h"

namespace arrow {
class Schema;
}

namespace forebay {

inline constexpr char kFileRetentionProperty[] = "delta.deletedFileRetentionDuration";

struct Snapshot {
  int64_t version = -1;
  int64_t timestamp_ms = 0;  // of the last commit that says one
  ProtocolAction protocol;
  MetadataAction metadata;
  std::shared_ptr<arrow::Schema> schema;  // partition columns included
  std::map<std::string, AddAction> files;
  std::map<std::string, RemoveAction> removed;
  std::map<std::string, TransactionAction> transactions;  // by app id
  TaskClocks clocks;                                      // of the last commit that carries them
  // There should be a checkpoint of this version, and none can be read: the commits before it said
  // the same. Below 0: all is well.
  int64_t lost_checkpoint = -1;
};

// The columns of data files: those of the table without its partition columns.
std::shared_ptr<arrow::Schema> DataSchema(const Snapshot& table);

// The task that the table's completeness hangs on, with its clocks; null: it names none. Those that
// have read the files before a topic stand still at its start, and do not count beside its own.
const TaskClocks::value_type* LeastComplete(const Snapshot& table);

// Before when no row can be missing, by all tasks; nullopt: the table does not tell. Microseconds
// UTC.
std::optional<int64_t> CompleteBefore(const Snapshot& table);

// "00000000000000000010.checkpoint.parquet", in whatever folder: 10 and ".checkpoint.parquet".
struct LogFileName {
  int64_t version = 0;
  std::string_view suffix;  // of the path given
};
std::optional<LogFileName> ParseLogFileName(std::string_view path);

// "deletionVectors, columnMapping"; `otherwise` where a table names none.
std::string NameTableFeatures(const std::vector<std::string>& names, std::string_view otherwise);

// NOT_FOUND: there is none.
absl::Status NoDeltaTable(const ObjectStore& store, const std::string& table);

// "<table>/_delta_log/00000000000000000007.json".
std::string CommitPath(const std::string& table, int64_t version);
std::string CheckpointPath(const std::string& table, int64_t version);

// Replays `actions` of commit `version` upon `snapshot`.
absl::Status ApplyCommit(const std::vector<Action>& actions, int64_t version, Snapshot* snapshot);

// The commit of that version; NOT_FOUND if there is none yet.
absl::StatusOr<std::vector<Action>> ReadCommit(const ObjectStore& store, const std::string& table,
                                               int64_t version);

// The newest version, or the one given. NOT_FOUND: no such table or version. FAILED_PRECONDITION:
// it needs a newer reader than this one. DATA_LOSS: a commit is damaged, or lacks while later ones
// are there; or a checkpoint is, and the commits that it sums up are not all there.
absl::StatusOr<Snapshot> LoadSnapshot(const ObjectStore& store, const std::string& table,
                                      std::optional<int64_t> version);

// Applies the commits after snapshot->version.
absl::Status RefreshSnapshot(const ObjectStore& store, const std::string& table,
                             std::optional<int64_t> up_to, Snapshot* snapshot);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_SNAPSHOT_H_
