#include "cli/batch_table.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "offline/delta/arrow_file.h"
#include "offline/delta/snapshot.h"
#include "schemas/types/status_macros.h"

namespace forebay {

absl::StatusOr<std::vector<BatchFile>> ListTableFiles(const StoreUri& uri, const S3Settings& s3) {
  StoreUri parent = uri;
  const size_t slash = uri.path.rfind('/');
  parent.path = slash == std::string::npos ? "" : uri.path.substr(0, slash);
  ASSIGN_OR_RETURN(Snapshot table, LoadSnapshot(*OpenObjectStore(parent, s3),
                                                uri.path.substr(slash + 1), std::nullopt));
  auto refused = [&](std::string_view what) {
    return absl::UnimplementedError(fmt::format(
        "the Delta table {} {}: that is not read as a source yet", uri.ToString(), what));
  };
  if (!table.metadata.partition_columns.empty())
    return refused("is partitioned by " + table.metadata.partition_columns.front());
  std::vector<BatchFile> files;
  for (const auto& [path, add] : table.files) {
    if (add.has_deletion_vector) return refused("has files with deleted rows");
    if (!IsInTable(path)) return refused("has a file outside of its folder, " + path);
    files.push_back({path, add.size, add.modified_ms * 1000});
  }
  return files;
}

}  // namespace forebay
