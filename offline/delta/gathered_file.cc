#include "offline/delta/gathered_file.h"

#include <arrow/api.h>

#include <utility>

#include "schemas/types/status_macros.h"

namespace forebay {

absl::Status GatheredFile::Add(std::shared_ptr<arrow::RecordBatch> rows) {
  if (rows->num_rows() == 0) return absl::OkStatus();
  pending_rows_ += rows->num_rows();
  pending_.push_back(std::move(rows));
  return pending_rows_ < kRowGroupRows ? absl::OkStatus() : WriteRowGroup();
}

absl::StatusOr<std::optional<AddAction>> GatheredFile::Finish(int64_t now_us) {
  RETURN_IF_ERROR(WriteRowGroup());
  if (writer_ == nullptr) return std::nullopt;
  ASSIGN_OR_RETURN(AddAction added, writer_->Finish(now_us));
  return added;
}

absl::Status GatheredFile::WriteRowGroup() {
  if (pending_.empty()) return absl::OkStatus();
  if (writer_ == nullptr) {
    ASSIGN_OR_RETURN(writer_, make_());
  }
  pending_rows_ = 0;
  return writer_->Write(std::exchange(pending_, {}));
}

}  // namespace forebay
