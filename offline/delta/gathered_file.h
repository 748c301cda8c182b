// A data file of rows that come a few at a time: gathered into row groups of a size that readers
// like. It is made with its first row; without one there is none.
//
//   GatheredFile file([&] { return DataFileWriter::Create(...); });
//   RETURN_IF_ERROR(file.Add(rows));  // as often as there are rows
//   ASSIGN_OR_RETURN(std::optional<AddAction> add, file.Finish(now_us));
#ifndef FOREBAY_OFFLINE_DELTA_GATHERED_FILE_H_
#define FOREBAY_OFFLINE_DELTA_GATHERED_FILE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "offline/delta/actions.h"
#include "offline/delta/data_file.h"

namespace forebay {

class GatheredFile {
 public:
  using Make = std::function<absl::StatusOr<std::unique_ptr<DataFileWriter>>()>;

  explicit GatheredFile(Make make) : make_(std::move(make)) {}

  // In the order of the calls. Errors of `make` and of the writer.
  absl::Status Add(std::shared_ptr<arrow::RecordBatch> rows);

  // nullopt: there was no row. Durable on return.
  absl::StatusOr<std::optional<AddAction>> Finish(int64_t now_us);

 private:
  absl::Status WriteRowGroup();

  const Make make_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> pending_;
  int64_t pending_rows_ = 0;
  std::unique_ptr<DataFileWriter> writer_;  // null: no row is written yet
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_GATHERED_FILE_H_
