#include "offline/compaction/step_merge.h"

#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "offline/compaction/file_merge.h"
#include "offline/delta/random_id.h"
#include "schemas/types/status_macros.h"

namespace forebay {

std::shared_ptr<arrow::Schema> ColumnsOfFiles(const Snapshot& table,
                                              const std::vector<std::string>& paths) {
  std::map<std::string, size_t> without_nulls;  // by column: in how many files
  for (const std::string& path : paths) {
    const AddAction& file = table.files.at(path);
    if (!file.tags.contains(kStageTag)) continue;
    auto stats = nlohmann::json::parse(file.stats, nullptr, false);
    if (!stats.is_object() || !stats.contains("nullCount")) continue;
    for (const auto& [column, nulls] : stats["nullCount"].items()) {
      if (nulls.is_number_integer() && nulls.get<int64_t>() == 0) ++without_nulls[column];
    }
  }
  arrow::FieldVector fields = DataSchema(table)->fields();
  for (auto& field : fields) {
    if (without_nulls[field->name()] == paths.size()) field = field->WithNullable(false);
  }
  return arrow::schema(std::move(fields));
}

bool HasFiles(const DeltaTable& table, const CompactionStep& step) {
  const std::vector<std::string> paths = step.paths();
  return std::all_of(paths.begin(), paths.end(), [&](const std::string& path) {
    return table.snapshot().files.contains(path);
  });
}

absl::StatusOr<MergedStep> MergeStep(const std::shared_ptr<ObjectStore>& store,
                                     const DeltaTable& table, const CompactionStep& step,
                                     const StepMergeOptions& options) {
  MergeOptions merging{.place = options.place,
                       .file = options.file,
                       .target_bytes = options.target_bytes,
                       .now_us = options.now_us,
                       .pace = options.pace};
  merging.file.stage = FileStage::kCompacted;
  merging.file.run = RandomId();
  FileMerge merge(*store, table.path(), table.snapshot().schema,
                  ColumnsOfFiles(table.snapshot(), step.paths()), step.date, std::move(merging));
  merge.AddLoose(step.loose);
  for (const auto& run : step.runs) merge.AddRun(run);
  ASSIGN_OR_RETURN(std::vector<AddAction> files, merge.Run());
  MergedStep merged{.files = {.removed = step.paths(), .added = std::move(files)},
                    .bytes_before = step.bytes,
                    .rows = merge.rows()};
  if (step.rows_known && merge.rows() != step.rows) {
    DeleteMerged(merged.files, options.place);
    return absl::DataLossError(fmt::format(
        "the files of date {} in Delta table {} have {} rows, and its log says {}: put the table "
        "back from a copy, or build its view anew with `forebay reset`",
        step.date, store->Describe(table.path()), merge.rows(), step.rows));
  }
  return merged;
}

void DeleteMerged(const FileReplacement& merged, const FilePlace& place) {
  for (const AddAction& file : merged.added) place.Delete(file.path).IgnoreError();
}

}  // namespace forebay
