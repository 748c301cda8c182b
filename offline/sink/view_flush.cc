#include "offline/sink/view_flush.h"

#include <arrow/api.h>

#include <optional>
#include <utility>

#include "engine/batch/change_batch.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

// A replay of years has rows of a thousand dates in one flush.
constexpr size_t kMostOpenFiles = 16;

// Appends the rows to those of their dates, order kept, as slices of equal date.
void SplitByDate(const std::shared_ptr<arrow::RecordBatch>& rows,
                 std::map<int64_t, std::vector<std::shared_ptr<arrow::RecordBatch>>>* by_day) {
  const int column = DatedColumn(*rows->schema());
  const auto& array = static_cast<const arrow::TimestampArray&>(*rows->column(column));
  const int64_t* times = array.raw_values();
  int64_t begin = 0;
  while (begin < rows->num_rows()) {
    int64_t day = FloorTo(times[begin], kMicrosPerDay);
    int64_t end = begin + 1;
    while (end < rows->num_rows() && times[end] >= day && times[end] < day + kMicrosPerDay) ++end;
    (*by_day)[day].push_back(rows->Slice(begin, end - begin));
    begin = end;
  }
}

}  // namespace

ViewFlush::~ViewFlush() {
  for (const AddAction& file : request_.files)
    warehouse_->Delete(table_->path() + "/" + file.path).IgnoreError();
}

absl::Status ViewFlush::Add(const std::string& app_id,
                            const std::shared_ptr<arrow::RecordBatch>& rows, Offset position) {
  std::optional<int64_t> held = table_->TransactionVersion(app_id);
  std::shared_ptr<arrow::RecordBatch> lacking = held ? RowsAfter(rows, Offset(*held - 1)) : rows;
  if (lacking == nullptr) return absl::OkStatus();
  if (schema_ != nullptr && !schema_->Equals(*lacking->schema())) {
    RETURN_IF_ERROR(WriteFiles());
    RETURN_IF_ERROR(FinishFiles());
  }
  schema_ = lacking->schema();
  SplitByDate(lacking, &added_);
  request_.transactions[app_id] = position.value() + 1;
  return absl::OkStatus();
}

absl::Status ViewFlush::WriteFiles() {
  for (auto& [day, rows] : std::exchange(added_, {})) {
    std::unique_ptr<DataFileWriter>& file = files_[day];
    if (file == nullptr) {
      ASSIGN_OR_RETURN(file,
                       DataFileWriter::Create(warehouse_, table_->path(), FormatDate(day),
                                              *rows.front()->schema(), *table_->snapshot().schema,
                                              {.encoding = encoding_}));
    }
    RETURN_IF_ERROR(file->Write(rows));
    rows.clear();
    if (files_.size() >= kMostOpenFiles) RETURN_IF_ERROR(FinishFiles());
  }
  return absl::OkStatus();
}

absl::Status ViewFlush::FinishFiles() {
  for (auto& [day, file] : files_) {
    ASSIGN_OR_RETURN(AddAction add, file->Finish(now_us_()));
    request_.files.push_back(std::move(add));
  }
  files_.clear();
  return absl::OkStatus();
}

absl::Status ViewFlush::Commit(TaskClocks clocks) {
  RETURN_IF_ERROR(FinishFiles());
  if (request_.files.empty()) return absl::OkStatus();
  CrashPoint("flush.files_written");
  request_.clocks = std::move(clocks);
  absl::Status status = table_->Append(request_, now_us_()).status();
  CrashPoint("flush.committed");
  request_.files.clear();  // after an error the commit may have happened: they stay
  return status;
}

}  // namespace forebay
