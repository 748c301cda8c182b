// Steps of a plan carried out: files merged, and committed as replacements.
//
//   FileRewrite rewrite(store, table, {.operation = "OPTIMIZE", ...});
//   RETURN_IF_ERROR(rewrite.Run(steps));
#ifndef FOREBAY_OFFLINE_COMPACTION_FILE_REWRITE_H_
#define FOREBAY_OFFLINE_COMPACTION_FILE_REWRITE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "connectors/object_store/object_store.h"
#include "offline/compaction/plan.h"
#include "offline/delta/data_file.h"
#include "offline/delta/delta_table.h"
#include "offline/delta/file_place.h"

namespace arrow {
class Schema;
}

namespace forebay {

struct CompactionResult {
  int64_t commits = 0;
  int64_t files_before = 0;  // of those that were merged
  int64_t files_after = 0;
  int64_t bytes_before = 0;
  int64_t bytes_after = 0;
  int64_t rows = 0;
  int64_t given_up = 0;  // merges, as another writer was first
};

struct FileRewriteOptions {
  std::string operation;     // for the table's history
  std::string crash_prefix;  // of the names of crash points: "compaction"
  FilePlace place;           // of the new files
  DataFileOptions file;      // likewise
  int64_t target_bytes = 256 << 20;
  std::function<int64_t()> now_us;
  std::function<absl::Status(int64_t bytes)> pace;
};

// The columns that `paths`, of the table's files, have together, without `date`: those that have no
// nulls there are not nullable. Of our own files the log says so.
std::shared_ptr<arrow::Schema> ColumnsOfFiles(const Snapshot& table,
                                              const std::vector<std::string>& paths);

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
  // Whether the table, as far as it is known, has all files of the step.
  bool HasFiles(const CompactionStep& step) const;
  absl::Status Commit();
  void Delete(const FileReplacement& merged) const;

  std::shared_ptr<ObjectStore> store_;
  DeltaTable* table_;
  FileRewriteOptions options_;
  std::vector<FileReplacement> merged_;  // not yet committed
  std::vector<int64_t> bytes_before_;    // likewise, of each
  std::vector<int64_t> rows_;
  int64_t merged_bytes_ = 0;
  CompactionResult result_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_COMPACTION_FILE_REWRITE_H_
