// Data files of one date, merged into sorted ones.
//
//   FileMerge merge(*store, table->path(), table->snapshot().schema, columns, "2023-11-14",
//                   {.place = TablePlace(store, table->path()), .file = {.run = id}, ...});
//   merge.AddLoose(paths);             // files in any order: their rows are all in memory
//   merge.AddRun(paths);               // sorted files: some rows of each run are in memory
//   std::vector<AddAction> files = merge.Run().value();
#ifndef FOREBAY_OFFLINE_COMPACTION_FILE_MERGE_H_
#define FOREBAY_OFFLINE_COMPACTION_FILE_MERGE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/object_store/object_store.h"
#include "offline/compaction/row_order.h"
#include "offline/delta/data_file.h"
#include "offline/delta/file_place.h"

namespace forebay {

struct MergeOptions {
  FilePlace place;                   // of what is written
  DataFileOptions file;              // likewise
  int64_t target_bytes = 256 << 20;  // of a file
  int64_t batch_rows = 32 * 1024;    // of a run, in memory at a time; at least
  std::function<int64_t()> now_us;   // wall clock, microseconds UTC
  // Called now and then with the bytes written since; may wait. An error ends the merge. Empty:
  // goes on.
  std::function<absl::Status(int64_t bytes)> pace;
};

// Not thread-safe.
class FileMerge {
 public:
  // `schema`: the columns that the files get, those of the table without `date`. `store` must
  // outlive this.
  FileMerge(const ObjectStore& store, std::string table,
            std::shared_ptr<arrow::Schema> table_schema, std::shared_ptr<arrow::Schema> schema,
            std::string date, MergeOptions options);
  ~FileMerge();

  void AddLoose(std::vector<std::string> paths);
  // `paths` in the order of their ranges.
  void AddRun(std::vector<std::string> paths);

  // The new files, durable; empty where there were no rows. After an error there is none. Once.
  absl::StatusOr<std::vector<AddAction>> Run();

  int64_t rows() const { return rows_; }

 private:
  // Rows that are sorted: those read and not yet written, and where more come from.
  struct Input;

  absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> SortedByRange(
      std::shared_ptr<arrow::RecordBatch> rows) const;
  absl::Status Fill(Input* input);
  absl::Status ReadLoose();
  absl::Status WriteSlice();
  absl::Status Write(const RowBatches& batches, absl::Span<const RowRef> refs);
  absl::Status Append(const RowBatches& batches, absl::Span<const RowRef> refs);
  absl::Status WriteRowGroup();
  absl::Status FinishFile();

  const ObjectStore& store_;
  std::string table_;
  std::shared_ptr<arrow::Schema> table_schema_;
  std::shared_ptr<arrow::Schema> schema_;
  std::string date_;
  MergeOptions options_;
  RowOrder order_;
  std::vector<std::string> loose_;
  std::vector<std::unique_ptr<Input>> inputs_;

  // Of the next row group, and the batches that they are in, with their places in the list.
  std::vector<RowRef> pending_;
  RowBatches pending_batches_;
  absl::flat_hash_map<const arrow::RecordBatch*, uint32_t> pending_places_;
  int64_t last_range_ = 0;  // of the last row in pending_ or a file
  std::unique_ptr<DataFileWriter> file_;
  std::vector<AddAction> finished_;
  bool done_ = false;
  int64_t rows_ = 0;
  int64_t paced_bytes_ = 0;  // of file_
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_COMPACTION_FILE_MERGE_H_
