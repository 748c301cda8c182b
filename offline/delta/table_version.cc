#include "offline/delta/table_version.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "offline/delta/arrow_file.h"
#include "offline/delta/checkpoint.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

// What lies in a log, by version.
struct LogFiles {
  std::map<int64_t, ObjectInfo> commits;
  std::map<int64_t, ObjectInfo> checkpoints;
};

constexpr int64_t kLargestStep = 1000;  // versions: fewer than a day's

absl::StatusOr<LogFiles> ListLog(const ObjectStore& store, const std::string& table) {
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store.List(table + "/_delta_log"));
  LogFiles files;
  for (auto& [version, parts] : FindCheckpoints(objects))
    files.checkpoints[version] = std::move(parts.back());
  for (ObjectInfo& object : objects) {
    std::optional<LogFileName> name = ParseLogFileName(object.path);
    if (name && name->suffix == ".json") files.commits[name->version] = std::move(object);
  }
  return files;
}

absl::StatusOr<VersionRange> VersionsOf(const LogFiles& log, const ObjectStore& store,
                                        const std::string& table) {
  if (log.commits.empty() && log.checkpoints.empty()) return NoDeltaTable(store, table);
  VersionRange range{.newest = -1};
  if (!log.commits.empty()) range.newest = log.commits.rbegin()->first;
  if (!log.checkpoints.empty())
    range.newest = std::max(range.newest, log.checkpoints.rbegin()->first);
  int64_t first = range.newest + 1;  // commits from there on are all there
  while (log.commits.contains(first - 1)) --first;
  if (first == 0) return range;
  auto checkpoint = log.checkpoints.lower_bound(first - 1);
  if (checkpoint == log.checkpoints.end()) {
    return absl::DataLossError(fmt::format(
        "the log of the Delta table {} has commits from version {} on, and no checkpoint to start "
        "from: put its files back from a copy, or build its view anew with `forebay reset`",
        store.Describe(table), first));
  }
  range.oldest = checkpoint->first;
  return range;
}

// Milliseconds UTC.
absl::StatusOr<int64_t> TimeOf(const LogFiles& log, const ObjectStore& store,
                               const std::string& table, int64_t version) {
  auto commit = log.commits.find(version);
  if (commit == log.commits.end()) return log.checkpoints.at(version).modified_us / 1000;
  ASSIGN_OR_RETURN(std::vector<Action> actions, ReadCommit(store, table, version));
  for (const Action& action : actions) {
    const auto* info = std::get_if<CommitInfoAction>(&action);
    if (info != nullptr && info->timestamp_ms > 0) return info->timestamp_ms;
  }
  return commit->second.modified_us / 1000;
}

absl::Status TooOld(const ObjectStore& store, const std::string& table, const std::string& asked,
                    const VersionRange& range, const std::string& time_of_oldest) {
  return absl::NotFoundError(
      fmt::format("the Delta table {} cannot be read {}: the oldest version that can is {}{}",
                  store.Describe(table), asked, range.oldest, time_of_oldest));
}

absl::StatusOr<int64_t> FindVersionAsOf(const LogFiles& log, const ObjectStore& store,
                                        const std::string& table, const VersionRange& range,
                                        int64_t as_of_us) {
  const int64_t as_of_ms = FloorTo(as_of_us, 1000) / 1000;
  ASSIGN_OR_RETURN(int64_t oldest, TimeOf(log, store, table, range.oldest));
  if (oldest > as_of_ms) {
    return TooOld(store, table, "as of " + FormatTime(as_of_us), range,
                  fmt::format(", of {}", FormatTime(oldest * 1000)));
  }
  int64_t found = range.oldest, after = range.newest + 1;
  while (after - found > 1) {
    const int64_t middle = found + (after - found) / 2;
    ASSIGN_OR_RETURN(int64_t time, TimeOf(log, store, table, middle));
    (time <= as_of_ms ? found : after) = middle;
  }
  return found;
}

// As the log calls them.
absl::StatusOr<std::set<std::string>> ListDataFiles(const ObjectStore& store,
                                                    const std::string& table) {
  std::set<std::string> files;
  std::vector<std::string> folders = {table};
  while (!folders.empty()) {
    const std::string folder = std::move(folders.back());
    folders.pop_back();
    ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store.List(folder));
    for (const ObjectInfo& object : objects) files.insert(object.path.substr(table.size() + 1));
    ASSIGN_OR_RETURN(std::vector<std::string> inner, store.ListFolders(folder));
    for (std::string& name : inner) {
      if (name != table + "/_delta_log") folders.push_back(std::move(name));
    }
  }
  return files;
}

// The first version after `version`, up to `newest`, that an erasure made; nullopt: there is none.
absl::StatusOr<std::optional<int64_t>> FindErasure(const ObjectStore& store,
                                                   const std::string& table, int64_t version,
                                                   int64_t newest) {
  while (++version <= newest) {
    absl::StatusOr<std::vector<Action>> actions = ReadCommit(store, table, version);
    if (absl::IsNotFound(actions.status())) continue;  // summed up in a checkpoint
    RETURN_IF_ERROR(actions.status());
    for (const Action& action : *actions) {
      const auto* info = std::get_if<CommitInfoAction>(&action);
      if (info != nullptr && info->operation == kEraseOperation) return version;
    }
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<VersionRange> ListVersions(const ObjectStore& store, const std::string& table) {
  ASSIGN_OR_RETURN(LogFiles log, ListLog(store, table));
  return VersionsOf(log, store, table);
}

absl::StatusOr<Snapshot> LoadSnapshotAt(const ObjectStore& store, const std::string& table,
                                        const TableVersion& version) {
  if (version.IsNewest()) return LoadSnapshot(store, table, std::nullopt);
  ASSIGN_OR_RETURN(LogFiles log, ListLog(store, table));
  ASSIGN_OR_RETURN(VersionRange range, VersionsOf(log, store, table));
  int64_t number = 0;
  if (version.number) {
    number = *version.number;
    if (number > range.newest) {
      return absl::NotFoundError(
          fmt::format("the Delta table {} has no version {}: its newest is {}",
                      store.Describe(table), number, range.newest));
    }
    if (number < range.oldest)
      return TooOld(store, table, fmt::format("at version {}", number), range, "");
  } else {
    ASSIGN_OR_RETURN(number, FindVersionAsOf(log, store, table, range, *version.as_of_us));
  }
  return LoadSnapshot(store, table, number);
}

absl::StatusOr<int64_t> OldestWholeVersion(const ObjectStore& store, const std::string& table) {
  ASSIGN_OR_RETURN(VersionRange range, ListVersions(store, table));
  ASSIGN_OR_RETURN(std::set<std::string> present, ListDataFiles(store, table));
  auto is_whole = [&](int64_t version) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(Snapshot snapshot, LoadSnapshot(store, table, version));
    return std::all_of(snapshot.files.begin(), snapshot.files.end(), [&](const auto& file) {
      return !IsInTable(file.first) || present.contains(file.first);
    });
  };
  // A vacuum takes the files that only versions before some version need: those lack some, but for
  // the first ones of the table, which had none of these files yet. Looked for from the newest
  // back, in growing steps.
  int64_t whole = range.newest;
  for (int64_t step = 1; whole > range.oldest; step = std::min(step * 2, kLargestStep)) {
    int64_t lacking = std::max(range.oldest, whole - step);
    ASSIGN_OR_RETURN(bool is, is_whole(lacking));
    if (is) {
      whole = lacking;
      continue;
    }
    while (whole - lacking > 1) {
      const int64_t middle = lacking + (whole - lacking) / 2;
      ASSIGN_OR_RETURN(is, is_whole(middle));
      (is ? whole : lacking) = middle;
    }
    break;
  }
  return whole;
}

absl::Status ExplainMissingFile(const ObjectStore& store, const std::string& table,
                                const Snapshot& snapshot, const std::string& path) {
  absl::StatusOr<Snapshot> newest = LoadSnapshot(store, table, std::nullopt);
  if (newest.ok() && newest->version > snapshot.version && !newest->files.contains(path)) {
    ASSIGN_OR_RETURN(std::optional<int64_t> erasure,
                     FindErasure(store, table, snapshot.version, newest->version));
    ASSIGN_OR_RETURN(int64_t oldest, OldestWholeVersion(store, table));
    return absl::FailedPreconditionError(fmt::format(
        "version {} of the Delta table {} can no longer be read: its data file {} {}; the oldest "
        "version that can be read is {}",
        snapshot.version, store.Describe(table), DescribeDataFile(store, table, path),
        erasure ? fmt::format("was removed by an erasure (forebay erase), that of version {}, or "
                              "by a vacuum since",
                              *erasure)
                : "is gone, as after a vacuum",
        oldest));
  }
  return UnusableDataFile(store, table, path, "it is missing");
}

}  // namespace forebay
