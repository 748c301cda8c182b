// A compaction made in parts, anywhere: each task is a line of JSON with some merges of one table,
// and writes new data files, which no version of the table has yet, and what they stand for:
//
//   <table>/_compaction/<round>/00003.json
//
// FinishCompaction commits what all tasks of a round have made at once. A task that dies leaves
// files that vacuum deletes; of one that runs twice the last result counts.
#ifndef FOREBAY_OFFLINE_COMPACTION_COMPACTION_TASKS_H_
#define FOREBAY_OFFLINE_COMPACTION_COMPACTION_TASKS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "nlohmann/json_fwd.hpp"
#include "offline/compaction/compaction.h"
#include "offline/delta/delta_table.h"

namespace forebay {

inline constexpr char kCompactionTask[] = "compaction";  // the kind of these tasks

// The merges that can be done at once, as tasks of about equal bytes: as many as asked for, or as
// there are merges; none, where there is nothing to be merged. `table` is up to date.
std::vector<std::string> DivideCompaction(const std::string& project_folder,
                                          const DeltaTable& table, const CompactionOptions& options,
                                          int tasks);

// Runs one. INVALID_ARGUMENT: it is no such task; else errors as CompactTable. Merges of files that
// the table does not have any more are left out.
absl::Status RunCompactionTask(const std::shared_ptr<ObjectStore>& store,
                               const nlohmann::ordered_json& task,
                               const CompactionOptions& options);

// Commits the rounds of the table whose tasks have all run, each as one version; merges of files
// that another writer has replaced since are given up, and their new files deleted.
// FAILED_PRECONDITION: of a round tasks are missing; those before it are committed.
absl::StatusOr<CompactionResult> FinishCompaction(const std::shared_ptr<ObjectStore>& store,
                                                  DeltaTable* table,
                                                  const CompactionOptions& options);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_COMPACTION_COMPACTION_TASKS_H_
