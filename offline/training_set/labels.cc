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

}  // namespace

absl::StatusOr<Labels> ReadLabels(const std::string& path, const std::string& time_column,
                                  v1::TimeEncoding unit,
                                  const std::vector<const v1::Field*>& keys) {
  Labels labels{.path = path};
  ASSIGN_OR_RETURN(labels.table, ReadLabelsFile(path, time_column, keys));
  for (const v1::Field* key : keys) {
    ASSIGN_OR_RETURN(auto column, FindColumn(path, *labels.table, key->name()));
    absl::Status fits = CheckKeyType(*key, *column->type());
    if (!fits.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("labels {}: {}", path, std::string(fits.message())));
    }
  }
  ASSIGN_OR_RETURN(auto times, FindColumn(path, *labels.table, time_column));
  labels.note = TakenAsUtc(time_column, *times->type());
  ASSIGN_OR_RETURN(labels.times, ReadLabelTimes(path, time_column, *times, unit));
  return labels;
}

}  // namespace forebay
