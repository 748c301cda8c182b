#include "offline/training_set/labels.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "offline/training_set/key_column.h"
#include "offline/training_set/label_times.h"
#include "offline/training_set/labels_file.h"
#include "schemas/definition/allowed_names.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

absl::StatusOr<std::shared_ptr<arrow::ChunkedArray>> FindColumn(const std::string& path,
                                                                const arrow::Table& table,
                                                                const std::string& name) {
  std::vector<int> found = table.schema()->GetAllFieldIndices(name);
  if (found.size() == 1) return table.column(found[0]);
  if (!found.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("labels {} have {} columns named '{}'", path, found.size(), name));
  }
  return absl::InvalidArgumentError(
      fmt::format("labels {} have no column '{}'{}", path, name,
                  definition::AllowedNames(name, table.ColumnNames(), "columns")));
}

absl::Status CheckKeys(const std::string& path, const arrow::Table& table,
                       const std::vector<const v1::Field*>& keys) {
  for (const v1::Field* key : keys) {
    ASSIGN_OR_RETURN(auto column, FindColumn(path, table, key->name()));
    absl::Status fits = CheckKeyType(*key, *column->type());
    if (!fits.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("labels {}: {}", path, std::string(fits.message())));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Labels> LabelsOf(LabelsInput input, const std::string& time_column,
                                v1::TimeEncoding unit, const std::vector<const v1::Field*>& keys) {
  Labels labels{.path = std::move(input.name),
                .table = std::move(input.table),
                .files = std::move(input.files)};
  RETURN_IF_ERROR(CheckKeys(labels.path, *labels.table, keys));
  ASSIGN_OR_RETURN(auto times, FindColumn(labels.path, *labels.table, time_column));
  labels.note = TakenAsUtc(time_column, *times->type());
  ASSIGN_OR_RETURN(labels.times, ReadLabelTimes(labels.path, time_column, *times, unit));
  return labels;
}

absl::StatusOr<Labels> ReadLabels(const LabelsSource& source, const std::string& time_column,
                                  v1::TimeEncoding unit,
                                  const std::vector<const v1::Field*>& keys) {
  ASSIGN_OR_RETURN(LabelsInput input, ReadLabelsFile(source, time_column, keys));
  return LabelsOf(std::move(input), time_column, unit, keys);
}

absl::StatusOr<Labels> ReadKeys(const LabelsSource& source, const std::string& time_column,
                                const std::vector<int64_t>& times,
                                const std::vector<const v1::Field*>& keys) {
  ASSIGN_OR_RETURN(LabelsInput input, ReadLabelsFile(source, "", keys));
  RETURN_IF_ERROR(CheckKeys(input.name, *input.table, keys));
  if (input.table->schema()->GetFieldIndex(time_column) >= 0) {
    return absl::InvalidArgumentError(
        fmt::format("keys {} have a column '{}', which is to be that of the times: name another "
                    "with --time",
                    input.name, time_column));
  }
  const int64_t rows = input.table->num_rows();
  std::vector<std::shared_ptr<arrow::Table>> steps(times.size(), input.table);
  arrow::TimestampBuilder builder(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                  arrow::default_memory_pool());
  Labels labels{.path = input.name, .files = std::move(input.files)};
  labels.times.reserve(rows * times.size());
  arrow::Status status = builder.Reserve(rows * std::ssize(times));
  for (int64_t time : times) {
    for (int64_t row = 0; row < rows && status.ok(); ++row) builder.UnsafeAppend(time);
    labels.times.insert(labels.times.end(), rows, KnownTime(time));
  }
  auto column =
      status.ok() ? builder.Finish() : arrow::Result<std::shared_ptr<arrow::Array>>(status);
  if (!column.ok()) return absl::ResourceExhaustedError(column.status().message());
  auto table = arrow::ConcatenateTables(steps);
  if (table.ok()) {
    table =
        (*table)->AddColumn((*table)->num_columns(), arrow::field(time_column, (*column)->type()),
                            std::make_shared<arrow::ChunkedArray>(*column));
  }
  if (!table.ok()) return absl::InternalError(table.status().ToString());
  labels.table = *std::move(table);
  return labels;
}

}  // namespace forebay
