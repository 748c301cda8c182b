#include "offline/erasure/key_traces.h"

#include <atomic>
#include <thread>
#include <variant>
#include <vector>

#include "engine/batch/archive_batch.h"
#include "offline/delta/checkpoint.h"
#include "offline/delta/data_file.h"
#include "offline/delta/snapshot.h"
#include "offline/delta/table_version.h"
#include "offline/erasure/key_bounds.h"
#include "offline/erasure/key_search.h"
#include "offline/erasure/old_files.h"
#include "offline/delta/file_pruning.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

class LogSearch {
 public:
  LogSearch(const ErasedKey& key, const Snapshot& newest)
      : key_(key), newest_(newest), hashed_(!IsArchiveSchema(*newest.schema)), bounds_(key) {}

  void Look(const std::vector<Action>& actions, KeyTraces* traces) const {
    bool named = false, hash = false;
    for (const Action& action : actions) {
      const auto* file = std::get_if<AddAction>(&action);
      // Those of the newest version are searched themselves: bounds there are of others.
      if (file == nullptr || newest_.files.contains(file->path)) continue;
      named = named || bounds_.Name(file->stats);
      hash = hash || (hashed_ && (NumberTag(*file, kKeyHashMinTag) == key_.hash ||
                                  NumberTag(*file, kKeyHashMaxTag) == key_.hash));
    }
    traces->log_keys += named ? 1 : 0;
    traces->log_hashes += hash ? 1 : 0;
  }

 private:
  const ErasedKey& key_;
  const Snapshot& newest_;
  const bool hashed_;
  const KeyBounds bounds_;
};

absl::Status SearchLog(const KeyTracesRequest& request, const ErasedKey& key,
                       const Snapshot& newest, KeyTraces* traces) {
  const LogSearch search(key, newest);
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> log, request.store->List(request.table + "/_delta_log"));
  std::vector<int64_t> checkpoints, commits;
  for (const auto& [version, files] : FindCheckpoints(log)) checkpoints.push_back(version);
  for (const ObjectInfo& object : log) {
    std::optional<LogFileName> name = ParseLogFileName(object.path);
    if (name && name->suffix == ".json") commits.push_back(name->version);
  }
  auto look = [&](const absl::StatusOr<std::vector<Action>>& actions, KeyTraces* found) {
    if (absl::IsNotFound(actions.status())) return absl::OkStatus();  // removed just now
    RETURN_IF_ERROR(actions.status());
    search.Look(*actions, found);
    return absl::OkStatus();
  };
  for (int64_t version : checkpoints)
    RETURN_IF_ERROR(look(ReadCheckpoint(*request.store, request.table, version), traces));
  // Commits are many and small: several at a time.
  struct Part {
    absl::Status status;
    KeyTraces found;
  };
  std::vector<Part> parts(request.cost.files_at_once);
  std::atomic<size_t> next = 0;
  auto work = [&](Part* part) {
    for (size_t i = next++; i < commits.size() && part->status.ok(); i = next++)
      part->status = look(ReadCommit(*request.store, request.table, commits[i]), &part->found);
  };
  std::vector<std::thread> threads;
  for (Part& part : parts) threads.emplace_back(work, &part);
  for (std::thread& thread : threads) thread.join();
  for (const Part& part : parts) {
    RETURN_IF_ERROR(part.status);
    traces->log_keys += part.found.log_keys;
    traces->log_hashes += part.found.log_hashes;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<KeyTraces> FindKeyTraces(const KeyTracesRequest& request, const ErasedKey& key) {
  ASSIGN_OR_RETURN(Snapshot snapshot, LoadSnapshot(*request.store, request.table, std::nullopt));
  const bool hashed = !IsArchiveSchema(*snapshot.schema);
  std::vector<std::string> paths;
  for (const auto& [path, file] : snapshot.files) {
    if (!hashed || FileMayHold(file, key.hash, TimeRange())) paths.push_back(path);
  }
  const std::vector<FileSearch> searches = SearchFiles({.store = request.store.get(),
                                                        .table = request.table,
                                                        .hashed = hashed,
                                                        .cost = request.cost},
                                                       paths, key);
  KeyTraces traces;
  for (size_t i = 0; i < paths.size(); ++i) {
    if (absl::IsNotFound(searches[i].status))
      return ExplainMissingFile(*request.store, request.table, snapshot, paths[i]);
    RETURN_IF_ERROR(searches[i].status);
    traces.rows += searches[i].rows;
    traces.files += searches[i].rows > 0 ? 1 : 0;
  }
  ASSIGN_OR_RETURN(OldFiles old, FindOldFiles({.store = request.store,
                                               .table = request.table,
                                               .snapshot = &snapshot,
                                               .cold = request.cold,
                                               .cost = request.cost,
                                               .now_us = request.now_us,
                                               .alone = request.alone},
                                              key));
  traces.old_files = std::ssize(old.files);
  traces.unfinished = std::ssize(old.unfinished);
  RETURN_IF_ERROR(SearchLog(request, key, snapshot, &traces));
  return traces;
}

}  // namespace forebay
