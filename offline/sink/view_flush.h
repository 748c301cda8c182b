// What one flush adds to the table of one view, or to one archive: its rows as data files, one per
// date, and one commit.
//
//   ViewFlush flush(warehouse, encoding, now_us, table);
//   RETURN_IF_ERROR(flush.Add(app_id, rows, position));  // some rows
//   RETURN_IF_ERROR(flush.WriteFiles());         // no longer in memory; and so on
//   RETURN_IF_ERROR(flush.Commit(clocks));
//
// Not thread-safe.
#ifndef FOREBAY_OFFLINE_SINK_VIEW_FLUSH_H_
#define FOREBAY_OFFLINE_SINK_VIEW_FLUSH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "connectors/object_store/object_store.h"
#include "engine/batch/event_batch.h"
#include "offline/delta/data_file.h"
#include "offline/delta/delta_table.h"
#include "schemas/types/parquet_encoding.h"

namespace forebay {

class ViewFlush {
 public:
  // `table`, up to date, and `warehouse` must outlive this.
  ViewFlush(ObjectStore* warehouse, ParquetEncoding encoding, std::function<int64_t()> now_us,
            DeltaTable* table)
      : warehouse_(warehouse), encoding_(encoding), now_us_(std::move(now_us)), table_(table) {}

  // Deletes the files that no commit names: a full disk needs the room.
  ~ViewFlush();

  // Takes the rows that the table lacks of these, which are the task's up to `position` and behind
  // those that were added before. Rows of other columns than those before are in other files.
  absl::Status Add(const std::string& app_id, const std::shared_ptr<arrow::RecordBatch>& rows,
                   Offset position);

  // Moves what was added into the files of its dates.
  absl::Status WriteFiles();

  // OK without a commit, where the table lacked nothing. ABORTED: another writer moved one of these
  // tasks, so the table may lack less. REQUIRES: nothing was added since WriteFiles.
  absl::Status Commit(TaskClocks clocks);

 private:
  using RowBatches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

  absl::Status FinishFiles();

  ObjectStore* warehouse_;
  ParquetEncoding encoding_;
  std::function<int64_t()> now_us_;
  DeltaTable* table_;
  std::shared_ptr<arrow::Schema> schema_;                     // of what was added last
  std::map<int64_t, RowBatches> added_;                       // by day, in microseconds since 1970
  std::map<int64_t, std::unique_ptr<DataFileWriter>> files_;  // unfinished, by day
  AppendRequest request_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_SINK_VIEW_FLUSH_H_
