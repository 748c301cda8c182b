#include "offline/compaction/file_rewrite.h"

#include <algorithm>
#include <utility>

#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Merged files wait for one commit up to this many bytes: a table of a thousand dates would else
// get a thousand versions.
constexpr int64_t kCommitBytes = 256 << 20;

}  // namespace

FileRewrite::FileRewrite(std::shared_ptr<ObjectStore> store, DeltaTable* table,
                         FileRewriteOptions options)
    : store_(std::move(store)), table_(table), options_(std::move(options)) {}

FileRewrite::~FileRewrite() {
  for (const MergedStep& merged : merged_) DeleteMerged(merged.files, options_.merge.place);
}

void CompactionResult::Count(const MergedStep& merged, bool committed) {
  if (!committed) {
    ++given_up;
    return;
  }
  files_before += std::ssize(merged.files.removed);
  files_after += std::ssize(merged.files.added);
  bytes_before += merged.bytes_before;
  rows += merged.rows;
  for (const AddAction& file : merged.files.added) bytes_after += file.size;
}

absl::Status FileRewrite::Run(absl::Span<const CompactionStep> steps) {
  RETURN_IF_ERROR(table_->CheckWritable());
  for (const CompactionStep& step : steps) {
    if (!HasFiles(*table_, step)) {  // another writer was first
      ++result_.given_up;
      continue;
    }
    absl::Status merged = Merge(step);
    if (absl::IsDataLoss(merged)) {
      // An erasure deletes files as soon as it has replaced them.
      RETURN_IF_ERROR(table_->Refresh());
      if (!HasFiles(*table_, step)) {
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
  ASSIGN_OR_RETURN(MergedStep merged, MergeStep(store_, *table_, step, options_.merge));
  merged_bytes_ += step.bytes;
  merged_.push_back(std::move(merged));
  return absl::OkStatus();
}

absl::Status FileRewrite::Commit() {
  if (merged_.empty()) return absl::OkStatus();
  CrashPoint(options_.crash_prefix + ".merged");
  const std::vector<MergedStep> merged = std::exchange(merged_, {});
  RewriteRequest request{.operation = options_.operation};
  for (const MergedStep& step : merged) request.replacements.push_back(step.files);
  merged_bytes_ = 0;
  // After an error the commit may have happened: the files stay.
  ASSIGN_OR_RETURN(std::vector<bool> committed, table_->Rewrite(request, options_.merge.now_us()));
  CrashPoint(options_.crash_prefix + ".committed");
  for (size_t i = 0; i < committed.size(); ++i) {
    if (!committed[i]) DeleteMerged(merged[i].files, options_.merge.place);
    result_.Count(merged[i], committed[i]);
  }
  if (std::find(committed.begin(), committed.end(), true) != committed.end()) ++result_.commits;
  return absl::OkStatus();
}

}  // namespace forebay
