#include "offline/models/record_table.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <utility>

#include "offline/compaction/row_reader.h"
#include "offline/delta/data_file.h"
#include "offline/delta/delta_table.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int64_t kRecordsAtOnce = 1024;

}  // namespace

RecordRows::RecordRows(const std::shared_ptr<arrow::Schema>& schema)
    : builder_(arrow::RecordBatchBuilder::Make(schema, arrow::default_memory_pool()).ValueOrDie()) {
}

RecordRows::~RecordRows() = default;
RecordRows::RecordRows(RecordRows&&) noexcept = default;

int RecordRows::Next() {
  const int column = column_;
  column_ = (column_ + 1) % builder_->num_fields();
  return column;
}

RecordRows& RecordRows::AddText(std::string_view text) {
  (void)builder_->GetFieldAs<arrow::StringBuilder>(Next())->Append(text);
  return *this;
}

RecordRows& RecordRows::AddTextIfAny(std::string_view text) {
  if (!text.empty()) return AddText(text);
  (void)builder_->GetField(Next())->AppendNull();
  return *this;
}

RecordRows& RecordRows::AddInteger(std::optional<int64_t> number) {
  (void)builder_->GetFieldAs<arrow::Int64Builder>(Next())->AppendOrNull(number);
  return *this;
}

RecordRows& RecordRows::AddDouble(double number) {
  (void)builder_->GetFieldAs<arrow::DoubleBuilder>(Next())->Append(number);
  return *this;
}

RecordRows& RecordRows::AddTime(int64_t time_us) {
  (void)builder_->GetFieldAs<arrow::TimestampBuilder>(Next())->Append(time_us);
  return *this;
}

std::shared_ptr<arrow::RecordBatch> RecordRows::Finish() { return builder_->Flush().ValueOrDie(); }

RecordTable::RecordTable(std::shared_ptr<ObjectStore> store, std::string path,
                         std::shared_ptr<arrow::Schema> schema)
    : store_(std::move(store)), path_(std::move(path)), schema_(std::move(schema)) {}

absl::Status RecordTable::Append(RecordRows rows, const std::string& date, int64_t now_us,
                                 const std::string& once) {
  ASSIGN_OR_RETURN(std::unique_ptr<DeltaTable> table,
                   DeltaTable::OpenOrCreate(store_, path_, *schema_, now_us));
  const absl::Status there = absl::AlreadyExistsError(fmt::format("{} is there already", once));
  if (!once.empty() && table->TransactionVersion(once)) return there;
  ASSIGN_OR_RETURN(
      std::unique_ptr<DataFileWriter> file,
      DataFileWriter::Create(store_.get(), path_, date, *schema_, *table->snapshot().schema, {}));
  RETURN_IF_ERROR(file->Write({rows.Finish()}));
  AppendRequest request;
  ASSIGN_OR_RETURN(request.files.emplace_back(), file->Finish(now_us));
  if (!once.empty()) request.transactions[once] = 1;
  const absl::Status appended = table->Append(request, now_us).status();
  return absl::IsAborted(appended) && !once.empty() ? there : appended;
}

absl::Status RecordTable::Read(
    const std::function<void(const arrow::RecordBatch& rows)>& take) const {
  absl::StatusOr<std::unique_ptr<DeltaTable>> table = DeltaTable::Open(store_, path_);
  if (absl::IsNotFound(table.status())) return absl::OkStatus();
  RETURN_IF_ERROR(table.status());
  for (const auto& [name, file] : (*table)->snapshot().files) {
    ASSIGN_OR_RETURN(std::unique_ptr<RowReader> reader,
                     RowReader::Open(*store_, path_, name, schema_, kRecordsAtOnce));
    while (true) {
      ASSIGN_OR_RETURN(const std::shared_ptr<arrow::RecordBatch> rows, reader->Next());
      if (rows == nullptr) break;
      take(*rows);
    }
  }
  return absl::OkStatus();
}

}  // namespace forebay
