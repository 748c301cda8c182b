// One step of a plan, merged and not committed.
#ifndef FOREBAY_OFFLINE_COMPACTION_STEP_MERGE_H_
#define FOREBAY_OFFLINE_COMPACTION_STEP_MERGE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/compaction/plan.h"
#include "offline/delta/data_file.h"
#include "offline/delta/delta_table.h"
#include "offline/delta/file_place.h"

namespace arrow {
class Schema;
}

namespace forebay {

struct StepMergeOptions {
  FilePlace place;       // of the new files
  DataFileOptions file;  // likewise
  int64_t target_bytes = 256 << 20;
  std::function<int64_t()> now_us;
  std::function<absl::Status(int64_t bytes)> pace;
};

struct MergedStep {
  FileReplacement files;
  int64_t bytes_before = 0;
  int64_t rows = 0;
};

// The columns that `paths`, of the table's files, have together, without `date`: those that have no
// nulls there are not nullable. Of our own files the log says so.
std::shared_ptr<arrow::Schema> ColumnsOfFiles(const Snapshot& table,
                                              const std::vector<std::string>& paths);

// Whether the table, as far as it is known, has all files of the step.
bool HasFiles(const DeltaTable& table, const CompactionStep& step);

// Writes the files that are to stand for those of the step; the table is as before. DATA_LOSS: a
// data file is missing or damaged, or has not the rows that the log says; no file is left then.
absl::StatusOr<MergedStep> MergeStep(const std::shared_ptr<ObjectStore>& store,
                                     const DeltaTable& table, const CompactionStep& step,
                                     const StepMergeOptions& options);

// Deletes the new files of a merge that is given up.
void DeleteMerged(const FileReplacement& merged, const FilePlace& place);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_COMPACTION_STEP_MERGE_H_
