#include "offline/inspect/table_facts.h"

#include <arrow/api.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "offline/delta/arrow_file.h"
#include "offline/delta/data_file.h"
#include "offline/delta/file_place.h"
#include "offline/delta/file_pruning.h"
#include "offline/history/paged_file.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr std::string_view kViews = "offline/";

// What the footer of a data file tells.
struct Footer {
  int64_t rows = 0;
  std::optional<std::pair<int64_t, int64_t>> times;
};

arrow::Result<Footer> ReadFooter(std::shared_ptr<arrow::io::RandomAccessFile> file) {
  ARROW_ASSIGN_OR_RAISE(auto paged, PagedFile::Open(std::move(file), ReadCost::OfDisk()));
  Footer footer;
  int time = paged->FindColumn("_effective_time");
  if (time < 0) time = paged->FindColumn("_event_time");
  bool all = time >= 0;
  for (int group = 0; group < paged->row_groups(); ++group) {
    footer.rows += paged->RowsOf(group);
    auto bounds = all ? paged->BoundsOf(group, time) : std::nullopt;
    if (!bounds) {
      all = false;
    } else if (!footer.times) {
      footer.times = bounds;
    } else {
      footer.times->first = std::min(footer.times->first, bounds->first);
      footer.times->second = std::max(footer.times->second, bounds->second);
    }
  }
  if (!all) footer.times = std::nullopt;
  return footer;
}

class Reader {
 public:
  Reader(const ObjectStore& store, const std::string& path, const Snapshot& snapshot)
      : store_(store), path_(path), snapshot_(snapshot) {}

  absl::StatusOr<int64_t> RowsOf(const AddAction& file) {
    if (std::optional<int64_t> rows = forebay::RowsOf(file)) return *rows;
    ASSIGN_OR_RETURN(const Footer* footer, FooterOf(file));
    return footer->rows;
  }

  // Of the file's rows: by its tags, else its footer, else its date.
  absl::StatusOr<std::optional<std::pair<int64_t, int64_t>>> TimesOf(const AddAction& file) {
    auto first = NumberTag(file, kEffectiveMinTag);
    auto last = NumberTag(file, kEffectiveMaxTag);
    if (first && last) return std::pair(*first, *last);
    ASSIGN_OR_RETURN(const Footer* footer, FooterOf(file));
    if (footer->times) return footer->times;
    auto date = DateOf(file);
    if (!date || footer->rows == 0) return std::nullopt;
    return std::pair(date->from, date->to - 1);
  }

 private:
  absl::StatusOr<const Footer*> FooterOf(const AddAction& file) {
    auto it = footers_.find(file.path);
    if (it != footers_.end()) return &it->second;
    auto opened = OpenDataFile(store_, path_, file.path);
    if (absl::IsNotFound(opened.status()))
      return ExplainMissingFile(store_, path_, snapshot_, file.path);
    RETURN_IF_ERROR(opened.status());
    std::string what;
    try {
      auto footer = ReadFooter(*std::move(opened));
      if (footer.ok()) return &footers_.emplace(file.path, *footer).first->second;
      what = footer.status().message();
    } catch (const std::exception& e) {
      what = e.what();
    }
    return UnusableDataFile(store_, path_, file.path, what);
  }

  const ObjectStore& store_;
  const std::string& path_;
  const Snapshot& snapshot_;
  std::map<std::string, Footer> footers_;
};

// Files of the first and of the last date: the others have no first and no last row.
std::vector<const AddAction*> FilesAtTheEnds(const Snapshot& snapshot) {
  std::map<int64_t, std::vector<const AddAction*>> by_date;
  std::vector<const AddAction*> files;
  for (const auto& [path, file] : snapshot.files) {
    auto date = DateOf(file);
    if (date)
      by_date[date->from].push_back(&file);
    else
      files.push_back(&file);
  }
  if (by_date.empty()) return files;
  const auto& first = by_date.begin()->second;
  const auto& last = by_date.rbegin()->second;
  files.insert(files.end(), first.begin(), first.end());
  if (by_date.size() > 1) files.insert(files.end(), last.begin(), last.end());
  return files;
}

absl::Status AddTables(const ObjectStore& store, const std::string& folder, int depth,
                       std::vector<std::string>* tables) {
  ASSIGN_OR_RETURN(std::vector<std::string> inner, store.ListFolders(folder));
  for (const std::string& path : inner) {
    if (depth > 1) {
      RETURN_IF_ERROR(AddTables(store, path, depth - 1, tables));
      continue;
    }
    ASSIGN_OR_RETURN(std::vector<std::string> parts, store.ListFolders(path));
    if (std::find(parts.begin(), parts.end(), path + "/_delta_log") != parts.end())
      tables->push_back(path);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> FindTables(const ObjectStore& store) {
  std::vector<std::string> tables;
  RETURN_IF_ERROR(AddTables(store, "offline", 2, &tables));
  RETURN_IF_ERROR(AddTables(store, "events", 1, &tables));
  return tables;
}

std::string TableName(const std::string& path) {
  const size_t version = path.rfind("/v");
  if (!path.starts_with(kViews) || version == std::string::npos) return path;
  return path.substr(kViews.size(), version - kViews.size()) + "@" + path.substr(version + 2);
}

absl::StatusOr<TableFacts> ReadTableFacts(const ObjectStore& store, const std::string& path,
                                          const TableVersion& version, int64_t small) {
  ASSIGN_OR_RETURN(Snapshot snapshot, LoadSnapshotAt(store, path, version));
  ASSIGN_OR_RETURN(VersionRange versions, ListVersions(store, path));
  TableFacts facts{.version = snapshot.version,
                   .written_ms = snapshot.timestamp_ms,
                   .newest_version = versions.newest,
                   .files = static_cast<int64_t>(snapshot.files.size())};
  ASSIGN_OR_RETURN(facts.oldest_version, OldestWholeVersion(store, path));
  Reader reader(store, path, snapshot);
  for (const auto& [name, file] : snapshot.files) {
    ASSIGN_OR_RETURN(int64_t rows, reader.RowsOf(file));
    facts.rows += rows;
    facts.bytes += file.size;
    facts.small_files += file.size < small ? 1 : 0;
    if (IsCold(name)) {
      facts.cold_bytes += file.size;
    } else if (NumberTag(file, kStageTag) == static_cast<int64_t>(FileStage::kCompacted)) {
      facts.stage_2_bytes += file.size;
    }
  }
  for (const AddAction* file : FilesAtTheEnds(snapshot)) {
    ASSIGN_OR_RETURN(auto times, reader.TimesOf(*file));
    if (!times) continue;
    facts.first_time = std::min(facts.first_time.value_or(times->first), times->first);
    facts.last_time = std::max(facts.last_time.value_or(times->second), times->second);
  }
  facts.complete_before = CompleteBefore(snapshot);
  return facts;
}

}  // namespace forebay
