#include "offline/erasure/key_search.h"

#include <arrow/api.h>

#include <algorithm>

#include "offline/delta/arrow_file.h"
#include "offline/history/key_rows.h"
#include "offline/history/paged_file.h"
#include "schemas/types/parallel_for.h"

namespace forebay {
namespace {

arrow::Result<int64_t> CountErased(const SearchedTable& table, const ErasedKey& key,
                                   PagedFile* file) {
  std::vector<int> columns;
  for (const std::string& name : ColumnsToSearch(key)) {
    if (int column = file->FindColumn(name); column >= 0) columns.push_back(column);
  }
  std::sort(columns.begin(), columns.end());
  const int hash = table.hashed ? file->FindColumn(kKeyHash) : -1;
  int64_t count = 0;
  for (int group = 0; group < file->row_groups(); ++group) {
    RowRanges rows = {{0, file->RowsOf(group)}};
    if (hash >= 0) rows = file->MayHold(group, hash, key.hash, key.hash);
    if (rows.empty() || CountRows(rows) == 0) continue;
    ARROW_ASSIGN_OR_RAISE(auto batch, file->Read(group, columns, rows));
    ARROW_ASSIGN_OR_RAISE(auto erased, FindErased(*batch, key));
    count += static_cast<int64_t>(erased.size());
  }
  return count;
}

FileSearch SearchFile(const SearchedTable& table, const std::string& path, const ErasedKey& key) {
  auto opened = OpenDataFile(*table.store, table.table, path);
  if (!opened.ok()) return {.status = opened.status()};
  std::string what;
  try {
    auto count = [&]() -> arrow::Result<int64_t> {
      ARROW_ASSIGN_OR_RAISE(auto file, PagedFile::Open(*opened, table.cost));
      return CountErased(table, key, file.get());
    }();
    if (count.ok()) return {.rows = *count};
    what = count.status().message();
  } catch (const std::exception& e) {
    what = e.what();
  }
  return {.status = UnusableDataFile(*table.store, table.table, path, what)};
}

}  // namespace

std::vector<FileSearch> SearchFiles(const SearchedTable& table, absl::Span<const std::string> files,
                                    const ErasedKey& key) {
  std::vector<FileSearch> found(files.size());
  ParallelFor(files.size(), table.cost.files_at_once,
              [&](size_t i) { found[i] = SearchFile(table, files[i], key); });
  return found;
}

}  // namespace forebay
