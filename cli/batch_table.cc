#include "cli/batch_table.h"

#include <arrow/type.h>
#include <fmt/format.h>

#include <optional>
#include <string>

#include "offline/delta/arrow_file.h"
#include "offline/delta/snapshot.h"
#include "schemas/types/status_macros.h"

namespace forebay {

absl::StatusOr<TableFiles> ListTableFiles(const StoreUri& uri, const S3Settings& s3) {
  StoreUri parent = uri;
  const size_t slash = uri.path.rfind('/');
  parent.path = slash == std::string::npos ? "" : uri.path.substr(0, slash);
  ASSIGN_OR_RETURN(Snapshot table, LoadSnapshot(*OpenObjectStore(parent, s3),
                                                uri.path.substr(slash + 1), std::nullopt));
  TableFiles found;
  arrow::FieldVector columns;
  for (const std::string& column : table.metadata.partition_columns) {
    columns.push_back(table.schema->GetFieldByName(column));
    if (columns.back() != nullptr) continue;
    return absl::DataLossError(
        fmt::format("the Delta table {} is partitioned by {}, which its schema does not have",
                    uri.ToString(), column));
  }
  found.partition_columns = arrow::schema(std::move(columns));
  for (const auto& [path, add] : table.files) {
    if (!IsInTable(path)) {
      return absl::UnimplementedError(fmt::format(
          "the Delta table {} has a file outside of its folder, {}: that is not read as "
          "a source yet",
          uri.ToString(), path));
    }
    found.files.push_back({path, add.size, add.modified_ms * 1000, add.partition_values});
  }
  return found;
}

}  // namespace forebay
