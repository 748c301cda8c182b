#include "offline/compaction/file_rewrite.h"

#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "offline/compaction/file_merge.h"
#include "offline/delta/random_id.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Merged files wait for one commit up to this many bytes: a table of a thousand dates would else
// get a thousand versions.
constexpr int64_t kCommitBytes = 256 << 20;

}  // namespace

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

FileRewrite::FileRewrite(std::shared_ptr<ObjectStore> store, DeltaTable* table,
                         FileRewriteOptions options)
    : store_(std::move(store)), table_(table), options_(std::move(options)) {}

FileRewrite::~FileRewrite() {
  for (const FileReplacement& merged : merged_) Delete(merged);
}

absl::Status FileRewrite::Run(absl::Span<const CompactionStep> steps) {
  RETURN_IF_ERROR(table_->CheckWritable());
  for (const CompactionStep& step : steps) {
    if (!HasFiles(step)) {  // another writer was first
      ++result_.given_up;
      continue;
    }
    absl::Status merged = Merge(step);
    if (absl::IsDataLoss(merged)) {
      // An erasure deletes files as soon as it has replaced them.
      RETURN_IF_ERROR(table_->Refresh());
      if (!HasFiles(step)) {
        ++result_.given_up;
        continue;
      }
    }
    RETURN_IF_ERROR(merged);
    if (merged_bytes_ >= kCommitBytes) RETURN_IF_ERROR(Commit());
  }
  return Commit();
}

absl::Status FileRewrite::Merge(const CompactionStep& step) {
  MergeOptions options{.place = options_.place,
                       .file = options_.file,
                       .target_bytes = options_.target_bytes,
                       .now_us = options_.now_us,
                       .pace = options_.pace};
  options.file.stage = FileStage::kCompacted;
  options.file.run = RandomId();
  FileMerge merge(*store_, table_->path(), table_->snapshot().schema,
                  ColumnsOfFiles(table_->snapshot(), step.paths()), step.date, std::move(options));
  merge.AddLoose(step.loose);
  for (const auto& run : step.runs) merge.AddRun(run);
  ASSIGN_OR_RETURN(std::vector<AddAction> files, merge.Run());
  FileReplacement merged{.removed = step.paths(), .added = std::move(files)};
  if (step.rows_known && merge.rows() != step.rows) {
    Delete(merged);
    return absl::DataLossError(fmt::format(
        "the files of date {} in Delta table {} have {} rows, and its log says {}: put the table "
        "back from a copy, or build its view anew with `forebay reset`",
        step.date, store_->Describe(table_->path()), merge.rows(), step.rows));
  }
  merged_.push_back(std::move(merged));
  merged_bytes_ += step.bytes;
  bytes_before_.push_back(step.bytes);
  rows_.push_back(merge.rows());
  return absl::OkStatus();
}

bool FileRewrite::HasFiles(const CompactionStep& step) const {
  const std::vector<std::string> paths = step.paths();
  return std::all_of(paths.begin(), paths.end(), [&](const std::string& path) {
    return table_->snapshot().files.contains(path);
  });
}

absl::Status FileRewrite::Commit() {
  if (merged_.empty()) return absl::OkStatus();
  CrashPoint(options_.crash_prefix + ".merged");
  RewriteRequest request{.operation = options_.operation,
                         .replacements = std::exchange(merged_, {})};
  const std::vector<int64_t> bytes_before = std::exchange(bytes_before_, {});
  const std::vector<int64_t> rows = std::exchange(rows_, {});
  merged_bytes_ = 0;
  // After an error the commit may have happened: the files stay.
  ASSIGN_OR_RETURN(std::vector<bool> committed, table_->Rewrite(request, options_.now_us()));
  CrashPoint(options_.crash_prefix + ".committed");
  const CompactionResult before = result_;
  for (size_t i = 0; i < committed.size(); ++i) {
    const FileReplacement& merged = request.replacements[i];
    if (!committed[i]) {
      ++result_.given_up;
      Delete(merged);
      continue;
    }
    result_.files_before += std::ssize(merged.removed);
    result_.files_after += std::ssize(merged.added);
    result_.bytes_before += bytes_before[i];
    result_.rows += rows[i];
    for (const AddAction& file : merged.added) result_.bytes_after += file.size;
  }
  if (result_.files_before > before.files_before) ++result_.commits;
  return absl::OkStatus();
}

void FileRewrite::Delete(const FileReplacement& merged) const {
  for (const AddAction& file : merged.added) options_.place.Delete(file.path).IgnoreError();
}

}  // namespace forebay
