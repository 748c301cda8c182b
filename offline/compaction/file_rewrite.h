// Steps of a plan carried out: files merged, and committed as replacements.
//
//   FileRewrite rewrite(store, table, {.operation = "OPTIMIZE", ...});
//   RETURN_IF_ERROR(rewrite.Run(steps));
#ifndef FOREBAY_OFFLINE_COMPACTION_FILE_REWRITE_H_
#define FOREBAY_OFFLINE_COMPACTION_FILE_REWRITE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "connectors/object_store/object_store.h"
#include "offline/compaction/plan.h"
#include "offline/compaction/step_merge.h"
#include "offline/delta/delta_table.h"

namespace forebay {

struct CompactionResult {
  int64_t commits = 0;
  int64_t files_before = 0;  // of those that were merged
  int64_t files_after = 0;
  int64_t bytes_before = 0;
  int64_t bytes_after = 0;
  int64_t rows = 0;
  int64_t given_up = 0;  // merges, as another writer was first

  // One merge: committed, or given up. Not a commit.
  void Count(const MergedStep& merged, bool committed);
};

struct FileRewriteOptions {
  std::string operation;     // for the table's history
  std::string crash_prefix;  // of the names of crash points: "compaction"
  StepMergeOptions merge;
};

class FileRewrite {
 public:
  // `table` must outlive this.
  FileRewrite(std::shared_ptr<ObjectStore> store, DeltaTable* table, FileRewriteOptions options);
  // Deletes what is not committed.
  ~FileRewrite();

  // The table has the same rows before and after. On an error the merges that are committed stay.
  // DATA_LOSS: a data file is missing or damaged, or has not the rows that the log says.
  absl::Status Run(absl::Span<const CompactionStep> steps);

  const CompactionResult& result() const { return result_; }

 private:
  absl::Status Merge(const CompactionStep& step);
  absl::Status Commit();

  std::shared_ptr<ObjectStore> store_;
  DeltaTable* table_;
  FileRewriteOptions options_;
  std::vector<MergedStep> merged_;  // not yet committed
  int64_t merged_bytes_ = 0;
  CompactionResult result_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_COMPACTION_FILE_REWRITE_H_
