#include "offline/served/served_table.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <utility>

#include "offline/delta/data_file.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

int64_t DayOf(int64_t time_us) {
  return time_us / kMicrosPerDay - (time_us % kMicrosPerDay < 0 ? 1 : 0);
}

// Appends a value to a builder of its type.
struct CellAppender {
  arrow::ArrayBuilder* builder;
  bool is_timestamp;

  void operator()(std::monostate) const { (void)builder->AppendNull(); }
  void operator()(bool value) const {
    (void)static_cast<arrow::BooleanBuilder*>(builder)->Append(value);
  }
  void operator()(int64_t value) const {
    if (is_timestamp) {
      (void)static_cast<arrow::TimestampBuilder*>(builder)->Append(value);
    } else {
      (void)static_cast<arrow::Int64Builder*>(builder)->Append(value);
    }
  }
  void operator()(double value) const {
    (void)static_cast<arrow::DoubleBuilder*>(builder)->Append(value);
  }
  // Texts and bytes alike.
  void operator()(const std::string& value) const {
    (void)static_cast<arrow::BinaryBuilder*>(builder)->Append(value);
  }
  void operator()(const ValueList& list) const {
    auto* lists = static_cast<arrow::ListBuilder*>(builder);
    (void)lists->Append();
    const CellAppender element{lists->value_builder(), is_timestamp};
    for (const ValueElement& value : list) std::visit(element, value);
  }
};

// The cells of a row, in the order of its columns.
class RowCells {
 public:
  explicit RowCells(arrow::RecordBatchBuilder* builder) : builder_(*builder) {}

  void Add(const Value& value, DataType type) {
    const bool is_timestamp = type == DataType::kTimestamp || type == ListOf(DataType::kTimestamp);
    std::visit(CellAppender{builder_.GetField(column_++), is_timestamp}, value);
  }
  void AddText(std::string_view text) {
    (void)builder_.GetFieldAs<arrow::StringBuilder>(column_++)->Append(text);
  }
  void AddNumber(std::optional<int64_t> number) {
    (void)builder_.GetFieldAs<arrow::Int64Builder>(column_++)->AppendOrNull(number);
  }
  void AddTime(std::optional<int64_t> time) {
    (void)builder_.GetFieldAs<arrow::TimestampBuilder>(column_++)->AppendOrNull(time);
  }

 private:
  arrow::RecordBatchBuilder& builder_;
  int column_ = 0;
};

std::optional<int64_t> NumberIf(bool there, int64_t number) {
  return there ? std::optional(number) : std::nullopt;
}

}  // namespace

std::string ServedFolder(const std::string& project) { return fmt::format("served/{}", project); }

std::string ServedTablePath(const std::string& project, const std::string& service,
                            uint32_t version) {
  return fmt::format("{}/{}/v{}", ServedFolder(project), service, version);
}

absl::StatusOr<std::vector<std::string>> ListServedTables(const ObjectStore& store,
                                                          const std::string& project) {
  std::vector<std::string> tables;
  ASSIGN_OR_RETURN(const std::vector<std::string> services,
                   store.ListFolders(ServedFolder(project)));
  for (const std::string& service : services) {
    ASSIGN_OR_RETURN(const std::vector<std::string> versions, store.ListFolders(service));
    tables.insert(tables.end(), versions.begin(), versions.end());
  }
  return tables;
}

ServedTable::ServedTable(std::shared_ptr<ObjectStore> store, std::string project,
                         std::string worker, std::shared_ptr<const ServedColumns> columns)
    : store_(std::move(store)),
      project_(std::move(project)),
      worker_(std::move(worker)),
      columns_(std::move(columns)),
      schema_(ServedSchema(*columns_)),
      path_(ServedTablePath(project_, columns_->service, columns_->version)) {}

ServedTable::~ServedTable() = default;

void ServedTable::Add(const ServedRow& row) {
  std::unique_ptr<arrow::RecordBatchBuilder>& builder = days_[DayOf(row.time_us)];
  if (builder == nullptr) {
    builder = arrow::RecordBatchBuilder::Make(schema_, arrow::default_memory_pool()).ValueOrDie();
  }
  const bool has_model = !row.model.empty();
  RowCells cells(builder.get());
  cells.AddText(row.request_id);
  cells.AddNumber(row.entity);
  cells.AddTime(row.time_us);
  cells.AddTime(row.at_us);
  cells.AddNumber(columns_->version);
  cells.Add(ValueList(columns_->views.begin(), columns_->views.end()), ListOf(DataType::kString));
  cells.Add(has_model ? Value(std::string(row.model)) : Value(), DataType::kString);
  cells.AddNumber(NumberIf(has_model, row.model_version));
  cells.AddNumber(NumberIf(row.shadow_of > 0, row.shadow_of));
  cells.AddNumber(NumberIf(has_model, row.catalog_version));
  for (size_t i = 0; i < columns_->keys.size(); ++i) cells.Add(row.keys[i], columns_->keys[i].type);
  for (size_t i = 0; i < columns_->features.size(); ++i) {
    cells.Add(*row.values[i], columns_->features[i].type);
    cells.AddText(row.statuses[i]);
  }
  ++rows_;
}

std::string ServedTable::AppId() const { return fmt::format("{}/served/{}", project_, worker_); }

absl::Status ServedTable::OpenTable(int64_t now_us) {
  if (table_ != nullptr) return table_->Refresh();
  ASSIGN_OR_RETURN(table_, DeltaTable::OpenOrCreate(store_, path_, *schema_, now_us));
  return absl::OkStatus();
}

// One for each day.
absl::Status ServedTable::WriteFiles(int64_t now_us) {
  for (auto& [day, builder] : days_) batches_.emplace_back(day, builder->Flush().ValueOrDie());
  days_.clear();
  AppendRequest request;
  int64_t rows = 0;
  for (const auto& [day, batch] : batches_) {
    ASSIGN_OR_RETURN(std::unique_ptr<DataFileWriter> file,
                     DataFileWriter::Create(store_.get(), path_, FormatDate(day * kMicrosPerDay),
                                            *schema_, *table_->snapshot().schema, {}));
    RETURN_IF_ERROR(file->Write({batch}));
    ASSIGN_OR_RETURN(request.files.emplace_back(), file->Finish(now_us));
    rows += batch->num_rows();
  }
  batches_.clear();
  request.transactions[AppId()] = table_->TransactionVersion(AppId()).value_or(0) + 1;
  request_ = std::move(request);
  rows_in_request_ = rows;
  return absl::OkStatus();
}

absl::Status ServedTable::Flush(int64_t now_us) {
  while (rows_ > 0) {
    RETURN_IF_ERROR(OpenTable(now_us));
    if (!request_) RETURN_IF_ERROR(WriteFiles(now_us));
    // Of a commit whose answer was lost.
    const int64_t version = request_->transactions.at(AppId());
    if (table_->TransactionVersion(AppId()).value_or(0) < version)
      RETURN_IF_ERROR(table_->Append(*request_, now_us).status());
    request_.reset();
    rows_ -= std::exchange(rows_in_request_, 0);
  }
  return absl::OkStatus();
}

void ServedTable::Clear() {
  days_.clear();
  batches_.clear();
  request_.reset();
  rows_ = rows_in_request_ = 0;
}

}  // namespace forebay
