// A Delta table to which a few rows are added at a time, and of which all are read.
//
//   RecordTable runs(store, "models/runs", schema);
//   RecordRows rows = runs.NewRows();
//   rows.AddText("fraud"); rows.AddTime(now_us); ...     // cell by cell
//   RETURN_IF_ERROR(runs.Append(std::move(rows), now_us));
#ifndef FOREBAY_OFFLINE_MODELS_RECORD_TABLE_H_
#define FOREBAY_OFFLINE_MODELS_RECORD_TABLE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "connectors/object_store/object_store.h"

namespace arrow {
class RecordBatch;
class RecordBatchBuilder;
class Schema;
}  // namespace arrow

namespace forebay {

// Cells in the order of the columns, row after row. REQUIRES: of the columns' types.
class RecordRows {
 public:
  explicit RecordRows(const std::shared_ptr<arrow::Schema>& schema);
  ~RecordRows();
  RecordRows(RecordRows&&) noexcept;

  RecordRows& AddText(std::string_view text);
  RecordRows& AddTextIfAny(std::string_view text);  // "": null
  RecordRows& AddInteger(std::optional<int64_t> number);
  RecordRows& AddDouble(double number);
  RecordRows& AddTime(int64_t time_us);

  std::shared_ptr<arrow::RecordBatch> Finish();

 private:
  int Next();

  std::unique_ptr<arrow::RecordBatchBuilder> builder_;
  int column_ = 0;
};

class RecordTable {
 public:
  // `schema`: of its columns, `date` aside, by which it is partitioned.
  RecordTable(std::shared_ptr<ObjectStore> store, std::string path,
              std::shared_ptr<arrow::Schema> schema);

  RecordRows NewRows() const { return RecordRows(schema_); }

  // As one commit. `date`: "2026-03-01". `once`: not empty: at most one commit of this name is ever
  // made; ALREADY_EXISTS: one is.
  absl::Status Append(RecordRows rows, const std::string& date, int64_t now_us,
                      const std::string& once = "");

  // Takes the rows, in no certain order; none where there is no table yet. Batches have the columns
  // of `schema`.
  absl::Status Read(const std::function<void(const arrow::RecordBatch& rows)>& take) const;

 private:
  const std::shared_ptr<ObjectStore> store_;
  const std::string path_;
  const std::shared_ptr<arrow::Schema> schema_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_MODELS_RECORD_TABLE_H_
