#include "offline/history/key_history.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"
#include "offline/delta/arrow_file.h"
#include "offline/delta/table_version.h"
#include "offline/history/key_in_file.h"
#include "offline/history/paged_file.h"
#include "schemas/types/parallel_for.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

struct FoundInFile {
  absl::Status status;
  arrow::RecordBatchVector rows;
  HistoryReads reads;
};

absl::Status Damaged(const KeyHistoryRequest& request, const std::string& path, std::string what) {
  if (auto file = OpenDataFile(*request.store, request.table, path); file.ok()) {
    std::string page = FindDamagedPage(*std::move(file));
    if (!page.empty()) what = fmt::format("{}: {}", page, what);
  }
  return UnusableDataFile(*request.store, request.table, path, what);
}

FoundInFile SearchFile(const KeyHistoryRequest& request, const KeyInFile& wanted,
                       const std::string& path) {
  FoundInFile found;
  auto opened = OpenDataFile(*request.store, request.table, path);
  if (absl::IsNotFound(opened.status())) {
    found.status = ExplainMissingFile(*request.store, request.table, *request.snapshot, path);
    return found;
  }
  found.status = opened.status();
  if (!found.status.ok()) return found;
  std::string what;
  try {
    auto search = [&]() -> arrow::Result<arrow::RecordBatchVector> {
      ARROW_ASSIGN_OR_RAISE(auto file, PagedFile::Open(*opened, request.cost));
      ARROW_ASSIGN_OR_RAISE(auto rows, FindKey(wanted, file.get(), &found.reads.row_groups));
      found.reads.pages = file->pages_read();
      found.reads.requests = file->requests();
      found.reads.bytes = file->bytes_read();
      return rows;
    };
    auto rows = search();
    if (rows.ok()) {
      found.rows = *std::move(rows);
      found.reads.files = 1;
      return found;
    }
    what = rows.status().message();
  } catch (const std::exception& e) {
    what = e.what();
  }
  found.status = Damaged(request, path, what);
  return found;
}

// Of `files`, in their order; several at a time.
std::vector<FoundInFile> SearchFiles(const KeyHistoryRequest& request, const KeyInFile& wanted,
                                     absl::Span<const std::string> files) {
  std::vector<FoundInFile> found(files.size());
  ParallelFor(files.size(), request.cost.files_at_once,
              [&](size_t i) { found[i] = SearchFile(request, wanted, files[i]); });
  return found;
}

}  // namespace

void HistoryReads::Add(const HistoryReads& other) {
  files_skipped += other.files_skipped;
  files += other.files;
  row_groups += other.row_groups;
  pages += other.pages;
  requests += other.requests;
  bytes += other.bytes;
  rows += other.rows;
}

absl::Status ReadKeyHistory(
    const KeyHistoryRequest& request,
    const std::function<absl::Status(std::shared_ptr<arrow::RecordBatch>)>& take,
    HistoryReads* reads) {
  KeyInFile wanted{
      .key = {.bytes = request.key, .times = request.times},
      .key_hash = KeyHash(HashedKey(request.key)),
      .columns = request.columns != nullptr ? request.columns : DataSchema(*request.snapshot)};
  for (const v1::Field& key : request.entity->keys()) wanted.key.columns.push_back(key.name());

  // Dates follow one another in effective time; what has none may be anywhere, so that all is one.
  std::map<int64_t, std::vector<std::string>> by_date;
  bool dated = true;
  for (const auto& [path, file] : request.snapshot->files) {
    if (!FileMayHold(file, wanted.key_hash, request.times)) {
      ++reads->files_skipped;
      continue;
    }
    auto date = DateOf(file);
    dated = dated && date.has_value();
    by_date[date ? date->from : 0].push_back(path);
  }
  std::vector<std::string> files;
  std::vector<size_t> ends;  // of each date, in `files`
  for (auto& [date, paths] : by_date) {
    files.insert(files.end(), paths.begin(), paths.end());
    if (dated) ends.push_back(files.size());
  }
  if (!dated) ends = {files.size()};

  // Dates are read some at a time, so that files are read side by side and few rows are held.
  constexpr size_t kFilesAtOnce = 64;
  for (size_t date = 0, first = 0; date < ends.size();) {
    size_t last = date;
    while (last + 1 < ends.size() && ends[last + 1] - first <= kFilesAtOnce) ++last;
    std::vector<FoundInFile> found =
        SearchFiles(request, wanted, absl::MakeConstSpan(files).subspan(first, ends[last] - first));
    size_t at = 0;
    for (; date <= last; ++date) {
      arrow::RecordBatchVector batches;
      for (; first + at < ends[date]; ++at) {
        RETURN_IF_ERROR(found[at].status);
        reads->Add(found[at].reads);
        batches.insert(batches.end(), found[at].rows.begin(), found[at].rows.end());
      }
      auto rows = InOrder(batches);
      if (rows == nullptr) continue;
      reads->rows += rows->num_rows();
      RETURN_IF_ERROR(take(std::move(rows)));
    }
    first = ends[last];
  }
  return absl::OkStatus();
}

}  // namespace forebay
