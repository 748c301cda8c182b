#include "offline/verify/task_rows.h"

#include <arrow/api.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "connectors/update_record/change_reader.h"
#include "engine/batch/change_batch.h"
#include "engine/batch/list_column.h"
#include "engine/state/key.h"
#include "offline/change_log/logged_table.h"
#include "offline/delta/data_file.h"
#include "offline/delta/snapshot.h"
#include "offline/sink/table_flush.h"
#include "offline/training_set/key_column.h"
#include "offline/training_set/row_file.h"
#include "offline/upkeep/lease.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// The newest dates first.
std::vector<std::string> FilesOf(const Snapshot& table) {
  std::vector<std::pair<int64_t, std::string>> dated;
  for (const auto& [path, file] : table.files)
    dated.emplace_back(StartOfDate(file).value_or(INT64_MAX), path);
  std::sort(dated.rbegin(), dated.rend());
  std::vector<std::string> paths;
  for (auto& [date, path] : dated) paths.push_back(std::move(path));
  return paths;
}

bool HasType(const arrow::DataType& type, const arrow::Field& field) {
  if (field.type()->id() != arrow::Type::LIST) return type.Equals(field.type());
  const auto& element = static_cast<const arrow::ListType&>(*field.type()).value_type();
  const auto* list = dynamic_cast<const arrow::BaseListType*>(&type);
  return list != nullptr && list->value_type()->Equals(element);
}

ChangeOp OpOf(std::string_view text) {
  return text == "event"    ? ChangeOp::kEvent
         : text == "expire" ? ChangeOp::kExpire
                            : ChangeOp::kDelete;
}

}  // namespace

absl::StatusOr<std::string> KeyTextOf(const v1::Entity& entity, std::string_view encoded) {
  if (IsRawTextKey(entity)) return std::string(encoded);
  ASSIGN_OR_RETURN(std::vector<Value> parts, DecodeKey(entity, encoded));
  return KeyText(entity, parts);
}

TaskRows::TaskRows(const v1::FeatureView& view, const v1::Entity& entity, TaskId task,
                   RowVisitor visitor)
    : view_(view),
      entity_(entity),
      task_(std::move(task)),
      visitor_(std::move(visitor)),
      schema_(ChangeSchema(view, entity)) {}

absl::Status TaskRows::TakeLog(const std::string& state_folder) {
  return ForEachLogged(state_folder, task_, TableId(view_.name(), view_.version()),
                       [&](const std::shared_ptr<arrow::RecordBatch>& rows) -> absl::Status {
                         arrow::Status taken = Take({.batch = rows});
                         return taken.ok() ? absl::OkStatus()
                                           : absl::DataLossError(taken.message());
                       });
}

absl::Status TaskRows::TakeTable(const std::shared_ptr<ObjectStore>& warehouse,
                                 absl::FunctionRef<absl::Status()> go_on) {
  const std::string path = OfflineTablePath(TableId(view_.name(), view_.version()));
  absl::StatusOr<Snapshot> table = LoadSnapshot(*warehouse, path, std::nullopt);
  if (absl::IsNotFound(table.status())) return absl::OkStatus();
  RETURN_IF_ERROR(table.status());
  // Who may not write there reads without a lease.
  absl::StatusOr<Lease> lease =
      Lease::Take(warehouse, path, table->timestamp_ms, absl::ToUnixMicros(absl::Now()));
  RETURN_IF_ERROR(RefreshSnapshot(*warehouse, path, std::nullopt, &*table));
  for (const std::string& file : FilesOf(*table)) {
    RETURN_IF_ERROR(go_on());
    if (lease.ok()) lease->Renew(absl::ToUnixMicros(absl::Now())).IgnoreError();
    RETURN_IF_ERROR(ReadGroups(
        *warehouse, path, *table, file,
        [this](const RowFile& rows, int group) { return Take({.file = &rows, .group = group}); }));
  }
  return absl::OkStatus();
}

arrow::Status TaskRows::Take(const RowPart& part) {
  const int step = EffectiveTimeColumn(*schema_);
  arrow::ArrayVector keys;
  for (int i = 0; i < entity_.keys_size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(keys.emplace_back(), Column(part, *schema_->field(i)));
  }
  auto column = [&](ChangeColumn which) { return Column(part, *schema_->field(step + which)); };
  ARROW_ASSIGN_OR_RAISE(auto times, column(kEffectiveTimeColumn));
  ARROW_ASSIGN_OR_RAISE(auto known_times, column(kKnownTimeColumn));
  ARROW_ASSIGN_OR_RAISE(auto ops, column(kOpColumn));
  ARROW_ASSIGN_OR_RAISE(auto partitions, column(kSourcePartitionColumn));
  ARROW_ASSIGN_OR_RAISE(auto offsets, column(kSourceOffsetColumn));
  KeyReader key_of(std::move(keys));
  std::string encoded;
  std::shared_ptr<arrow::RecordBatch> whole;
  std::optional<ChangeReader> reader;
  // Files and logs have the steps of a key in their order: from the end, the newest comes first.
  for (int64_t row = part.rows() - 1; row >= 0; --row) {
    if (static_cast<const arrow::Int32Array&>(*partitions).Value(row) != task_.partition.value())
      continue;
    if (!key_of.Encode(row, &encoded)) return arrow::Status::Invalid("a key is null");
    absl::StatusOr<std::string> key = KeyTextOf(entity_, encoded);
    if (!key.ok()) return arrow::Status::Invalid(key.status().message());
    const StepText bare = {
        .op = OpOf(static_cast<const arrow::StringArray&>(*ops).GetView(row)),
        .effective_time = static_cast<const arrow::TimestampArray&>(*times).Value(row),
        .known_time = static_cast<const arrow::TimestampArray&>(*known_times).Value(row),
        .offset = Offset(static_cast<const arrow::Int64Array&>(*offsets).Value(row))};
    if (!visitor_.wants(*key, bare)) continue;
    if (!reader) {
      arrow::ArrayVector columns;
      for (const auto& field : schema_->fields()) {
        ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), Column(part, *field));
      }
      whole = arrow::RecordBatch::Make(schema_, part.rows(), std::move(columns));
      reader.emplace(*whole, view_, entity_);
    }
    visitor_.take(*key, reader->ChangeAt(row), reader->FeaturesAt(row));
  }
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<arrow::Array>> TaskRows::Column(const RowPart& part,
                                                              const arrow::Field& field) const {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Array> column, part.Read(field.name()));
  if (column == nullptr) {
    if (field.nullable()) return arrow::MakeArrayOfNull(field.type(), part.rows());
    return arrow::Status::Invalid("column ", field.name(), " is missing");
  }
  if (!HasType(*column->type(), field)) {
    return arrow::Status::Invalid("column ", field.name(), " is ", column->type()->ToString(),
                                  ", expected ", field.type()->ToString());
  }
  if (!field.nullable() && column->null_count() > 0)
    return arrow::Status::Invalid("column ", field.name(), " has nulls");
  return column;
}

}  // namespace forebay
