#include "offline/erasure/table_erasure.h"

#include <fmt/format.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/batch/archive_batch.h"
#include "offline/delta/file_place.h"
#include "offline/delta/table_version.h"
#include "offline/erasure/file_filter.h"
#include "offline/erasure/key_search.h"
#include "offline/erasure/old_files.h"
#include "offline/delta/file_pruning.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Rewritten files wait for one commit up to this many bytes.
constexpr int64_t kCommitBytes = 256 << 20;
// Looks at the table that each found more: what keeps adding such rows is no writer of ours.
constexpr int kMostRounds = 100;

class TableErasure {
 public:
  TableErasure(std::shared_ptr<ObjectStore> store, DeltaTable* table, const ErasedKey& key,
               const ErasureOptions& options)
      : store_(std::move(store)), table_(*table), key_(key), options_(options) {}

  // Deletes what is not committed.
  ~TableErasure() {
    for (const FileReplacement& written : written_) Delete(written);
  }

  absl::StatusOr<ErasureResult> Run() {
    RETURN_IF_ERROR(RewriteLive());
    RETURN_IF_ERROR(RemoveOld());
    result_.version = table_.snapshot().version;
    return result_;
  }

 private:
  absl::Status RewriteLive() {
    for (int round = 0; round < kMostRounds; ++round) {
      RETURN_IF_ERROR(table_.Refresh());
      ASSIGN_OR_RETURN(std::vector<AddAction> holding, FindHolding());
      if (holding.empty()) return absl::OkStatus();
      RETURN_IF_ERROR(CheckErasable());
      for (const AddAction& file : holding) {
        RETURN_IF_ERROR(Rewrite(file));
        if (written_bytes_ >= kCommitBytes) RETURN_IF_ERROR(Commit());
      }
      RETURN_IF_ERROR(Commit());
    }
    return absl::UnavailableError(
        fmt::format("another writer keeps adding rows of the key to Delta table {}: stop it, and "
                    "call this again",
                    store_->Describe(table_.path())));
  }

  // Of the files of the table, those with rows that are to be erased.
  absl::StatusOr<std::vector<AddAction>> FindHolding() {
    const bool hashed = !IsArchiveSchema(*table_.snapshot().schema);
    std::vector<std::string> paths;
    for (const auto& [path, file] : table_.snapshot().files) {
      if (free_.contains(path) || (hashed && !FileMayHold(file, key_.hash, TimeRange()))) continue;
      paths.push_back(path);
    }
    const std::vector<FileSearch> searches = SearchFiles(
        {.store = store_.get(), .table = table_.path(), .hashed = hashed, .cost = options_.cost},
        paths, key_);
    std::vector<AddAction> holding;
    for (size_t i = 0; i < paths.size(); ++i) {
      if (absl::IsNotFound(searches[i].status))
        return ExplainMissingFile(*store_, table_.path(), table_.snapshot(), paths[i]);
      RETURN_IF_ERROR(searches[i].status);
      if (searches[i].rows == 0) {
        free_.insert(paths[i]);
      } else {
        holding.push_back(table_.snapshot().files.at(paths[i]));
      }
    }
    return holding;
  }

  absl::Status CheckErasable() const {
    RETURN_IF_ERROR(table_.CheckWritable());
    const auto& properties = table_.snapshot().metadata.configuration;
    auto append_only = properties.find("delta.appendOnly");
    if (append_only == properties.end() || append_only->second != "true") return absl::OkStatus();
    return absl::FailedPreconditionError(fmt::format(
        "no row can be erased from Delta table {}: its property delta.appendOnly is true; set it "
        "to false with the program that set it, and call this again",
        store_->Describe(table_.path())));
  }

  absl::Status Rewrite(const AddAction& file) {
    ASSIGN_OR_RETURN(FilePlace place, PlaceOf(store_, table_.path(), file.path));
    ASSIGN_OR_RETURN(FilteredFile filtered, FilterFile(*store_, table_, file, key_, place,
                                                       options_.encoding, options_.now_us));
    FileReplacement written{.removed = {file.path}};
    if (filtered.file) written.added.push_back(*std::move(filtered.file));
    written_.push_back(std::move(written));
    rows_.push_back(filtered.rows_erased);
    bytes_before_.push_back(file.size);
    written_bytes_ += file.size;
    return absl::OkStatus();
  }

  absl::Status Commit() {
    if (written_.empty()) return absl::OkStatus();
    const RewriteRequest request{.operation = kEraseOperation,
                                 .data_change = true,
                                 .replacements = std::exchange(written_, {})};
    const std::vector<int64_t> rows = std::exchange(rows_, {});
    const std::vector<int64_t> bytes_before = std::exchange(bytes_before_, {});
    written_bytes_ = 0;
    // After an error the commit may have happened: the files stay, and a second call finds which of
    // them no version names.
    ASSIGN_OR_RETURN(std::vector<bool> committed, table_.Rewrite(request, options_.now_us()));
    CrashPoint("erase.rewritten");
    for (size_t i = 0; i < committed.size(); ++i) {
      const FileReplacement& written = request.replacements[i];
      if (!committed[i]) {  // another writer was first: its files are looked at in the next round
        Delete(written);
        continue;
      }
      ++result_.files_rewritten;
      result_.rows += rows[i];
      result_.bytes_before += bytes_before[i];
      for (const AddAction& file : written.added) {
        result_.bytes_after += file.size;
        free_.insert(file.path);
      }
    }
    return absl::OkStatus();
  }

  absl::Status RemoveOld() {
    ASSIGN_OR_RETURN(OldFiles old, FindOldFiles({.store = store_,
                                                 .table = table_.path(),
                                                 .snapshot = &table_.snapshot(),
                                                 .cold = options_.cold,
                                                 .cost = options_.cost,
                                                 .now_us = options_.now_us(),
                                                 .alone = options_.alone},
                                                key_));
    for (const OldFiles::File& file : old.files) {
      ASSIGN_OR_RETURN(FilePlace place, PlaceOf(store_, table_.path(), file.path));
      RETURN_IF_ERROR(place.Delete(file.path));
      CrashPoint("erase.removed");
      ++result_.old_files;
      result_.old_bytes += file.bytes;
    }
    result_.unfinished = std::ssize(old.unfinished);
    return absl::OkStatus();
  }

  void Delete(const FileReplacement& written) const {
    for (const AddAction& file : written.added) {
      absl::StatusOr<FilePlace> place = PlaceOf(store_, table_.path(), file.path);
      if (place.ok()) place->Delete(file.path).IgnoreError();
    }
  }

  const std::shared_ptr<ObjectStore> store_;
  DeltaTable& table_;
  const ErasedKey& key_;
  const ErasureOptions& options_;
  std::set<std::string> free_;            // files of the table that hold no such row
  std::vector<FileReplacement> written_;  // not yet committed
  std::vector<int64_t> rows_;             // likewise, erased of each
  std::vector<int64_t> bytes_before_;     // likewise
  int64_t written_bytes_ = 0;
  ErasureResult result_;
};

}  // namespace

absl::StatusOr<ErasureResult> EraseFromTable(const std::shared_ptr<ObjectStore>& store,
                                             DeltaTable* table, const ErasedKey& key,
                                             const ErasureOptions& options) {
  return TableErasure(store, table, key, options).Run();
}

}  // namespace forebay
