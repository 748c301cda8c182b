// One table of the log of what was served, `served/<project>/<service>/v<version>` of a warehouse:
// rows gather in memory until they are flushed.
//
//   ServedTable table(warehouse, "shop", "0", columns);
//   table.Add(row);
//   RETURN_IF_ERROR(table.Flush(now_us));
//
// Not thread-safe. Several workers write to a table at once.
#ifndef FOREBAY_OFFLINE_SERVED_SERVED_TABLE_H_
#define FOREBAY_OFFLINE_SERVED_SERVED_TABLE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/delta_table.h"
#include "offline/served/served_row.h"

namespace arrow {
class ArrayBuilder;
class RecordBatch;
class RecordBatchBuilder;
}  // namespace arrow

namespace forebay {

// Of all tables of a project.
std::string ServedFolder(const std::string& project);
std::string ServedTablePath(const std::string& project, const std::string& service,
                            uint32_t version);

// The paths of all tables of a project.
absl::StatusOr<std::vector<std::string>> ListServedTables(const ObjectStore& store,
                                                          const std::string& project);

class ServedTable {
 public:
  // `worker`: in the table's transactions, so that a commit whose answer was lost is not repeated.
  ServedTable(std::shared_ptr<ObjectStore> store, std::string project, std::string worker,
              std::shared_ptr<const ServedColumns> columns);
  ~ServedTable();

  void Add(const ServedRow& row);
  // That were added and are not in the table yet.
  int64_t rows() const { return rows_; }

  // Commits them. After UNAVAILABLE or ABORTED they are kept, and go with the next flush. Other
  // errors will stay: forget them with Clear.
  absl::Status Flush(int64_t now_us);
  void Clear();

 private:
  std::string AppId() const;
  absl::Status OpenTable(int64_t now_us);
  absl::Status WriteFiles(int64_t now_us);

  const std::shared_ptr<ObjectStore> store_;
  const std::string project_;
  const std::string worker_;
  const std::shared_ptr<const ServedColumns> columns_;
  const std::shared_ptr<arrow::Schema> schema_;
  const std::string path_;

  std::map<int64_t, std::unique_ptr<arrow::RecordBatchBuilder>> days_;  // by days since 1970
  std::vector<std::pair<int64_t, std::shared_ptr<arrow::RecordBatch>>> batches_;  // of these
  std::optional<AppendRequest> request_;  // written, not committed
  int64_t rows_ = 0;
  int64_t rows_in_request_ = 0;
  std::unique_ptr<DeltaTable> table_;  // null: not opened yet
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_SERVED_SERVED_TABLE_H_
