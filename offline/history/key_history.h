// The rows of one key in a table, in order of their effective time: what the log, row groups and
// pages rule out is not read.
//
//   KeyHistoryRequest request{.store = store, .table = "offline/user_spend/v1",
//                             .snapshot = &snapshot, .entity = entity, .key = EncodeKey(...)};
//   HistoryReads reads;
//   RETURN_IF_ERROR(ReadKeyHistory(request, [](const arrow::RecordBatch& rows) { ... }, &reads));
//
// Files of others are read, too: of those that lack tags, statistics or page indexes, more of them.
#ifndef FOREBAY_OFFLINE_HISTORY_KEY_HISTORY_H_
#define FOREBAY_OFFLINE_HISTORY_KEY_HISTORY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/snapshot.h"
#include "offline/history/byte_ranges.h"
#include "offline/delta/file_pruning.h"

namespace forebay {

namespace v1 {
class Entity;
}

struct KeyHistoryRequest {
  std::shared_ptr<ObjectStore> store;
  std::string table;
  const Snapshot* snapshot = nullptr;
  const v1::Entity* entity = nullptr;
  std::string key;  // as EncodeKey makes it
  TimeRange times;
  // Of the result; null where the table lacks one. `_effective_time` must be among them. Null: all
  // of the table but those that it is partitioned by.
  std::shared_ptr<arrow::Schema> columns;
  ReadCost cost;
};

// What it took.
struct HistoryReads {
  int64_t files_skipped = 0;  // by the log
  int64_t files = 0;          // opened
  int64_t row_groups = 0;     // of which a page was read
  int64_t pages = 0;
  int64_t requests = 0;  // to data files
  int64_t bytes = 0;
  int64_t rows = 0;  // found

  void Add(const HistoryReads& other);
};

// Gives the rows to `take`, batch after batch, each after the ones before it in time. Holds the
// key's rows of a few dates in memory. DATA_LOSS: a file is missing or damaged, or has other
// columns than the table says. An error of `take` ends it.
absl::Status ReadKeyHistory(
    const KeyHistoryRequest& request,
    const std::function<absl::Status(std::shared_ptr<arrow::RecordBatch>)>& take,
    HistoryReads* reads);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_HISTORY_KEY_HISTORY_H_
