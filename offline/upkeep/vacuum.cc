#include "offline/upkeep/vacuum.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "offline/delta/checkpoint.h"
#include "offline/delta/file_place.h"
#include "offline/upkeep/lease.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// What the store's clock says, in microseconds UTC.
absl::StatusOr<int64_t> StoreTime(ObjectStore* store, const std::string& table) {
  const std::string folder = table + "/_forebay";
  const std::string path = folder + "/clock";
  RETURN_IF_ERROR(store->Put(path, "its time of modification is the store's time\n"));
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store->List(folder));
  for (const ObjectInfo& object : objects) {
    if (object.path == path) return object.modified_us;
  }
  return absl::UnavailableError("the store does not list " + store->Describe(path) +
                                ", which was just written: repeat");
}

// The newest checkpoint from which every version can be read that was current after `until_us`; -1:
// there is none.
int64_t FirstNeeded(const std::vector<ObjectInfo>& log, int64_t until_us) {
  std::set<int64_t> checkpoints;
  int64_t current = -1;  // at until_us
  for (const ObjectInfo& object : log) {
    std::optional<LogFileName> name = ParseLogFileName(object.path);
    if (!name) continue;
    if (name->suffix == ".checkpoint.parquet") checkpoints.insert(name->version);
    if (name->suffix == ".json" && object.modified_us <= until_us)
      current = std::max(current, name->version);
  }
  auto after = checkpoints.upper_bound(current);
  return after == checkpoints.begin() ? -1 : *std::prev(after);
}

}  // namespace

VacuumVerdict Judge(const Snapshot& table, const ObjectInfo& file, const std::string& path,
                    const VacuumFacts& facts) {
  if (table.files.contains(path)) return VacuumVerdict::kKeep;
  auto removed = table.removed.find(path);
  if (removed != table.removed.end()) {
    if (removed->second.deleted_ms > facts.retained_ms) return VacuumVerdict::kKeep;
    return removed->second.deleted_ms > facts.leased_ms ? VacuumVerdict::kKeepForLease
                                                        : VacuumVerdict::kRemove;
  }
  if (file.modified_us > facts.orphans_before_us) return VacuumVerdict::kKeep;
  // The log may have forgotten that an old version names it.
  return facts.leased_ms != INT64_MAX ? VacuumVerdict::kKeepForLease : VacuumVerdict::kRemove;
}

absl::StatusOr<VacuumResult> VacuumTable(const std::shared_ptr<ObjectStore>& store,
                                         DeltaTable* table, const VacuumOptions& options) {
  VacuumResult result;
  ASSIGN_OR_RETURN(const int64_t now_us, StoreTime(store.get(), table->path()));
  // In this order: a lease that is taken after the look at the table, and not seen, is for what the
  // table holds then, of which nothing is removed here.
  RETURN_IF_ERROR(table->Refresh());
  RETURN_IF_ERROR(table->CheckWritable());
  ASSIGN_OR_RETURN(std::optional<int64_t> lease, OldestLease(*store, table->path(), now_us));
  const int64_t retained_us = now_us - absl::ToInt64Microseconds(options.retention);
  const bool newest_alone = options.retention <= absl::ZeroDuration();
  const VacuumFacts facts{
      .retained_ms = newest_alone ? table->snapshot().timestamp_ms : retained_us / 1000,
      .leased_ms = lease.value_or(INT64_MAX),
      .orphans_before_us = now_us - absl::ToInt64Microseconds(options.orphan_age)};
  ASSIGN_OR_RETURN(std::vector<FilePlace> places, PlacesOf(store, table->path(), options.cold));
  for (const FilePlace& place : places) {
    ASSIGN_OR_RETURN(auto files, ListDataFiles(place));
    for (const auto& [path, file] : files) {
      const VacuumVerdict verdict = Judge(table->snapshot(), file, path, facts);
      if (verdict == VacuumVerdict::kKeepForLease) ++result.kept_for_leases;
      if (verdict != VacuumVerdict::kRemove) continue;
      if (!options.dry_run) RETURN_IF_ERROR(place.Delete(path));
      CrashPoint("vacuum.removed");
      ++result.data_files;
      result.bytes += file.size;
    }
  }
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> log, store->List(table->path() + "/_delta_log"));
  const int64_t log_until_us =
      lease ? std::min(retained_us, *lease > INT64_MIN / 1000 ? *lease * 1000 : *lease)
            : retained_us;
  const int64_t first = FirstNeeded(log, log_until_us);
  if (first < 0) return result;
  RETURN_IF_ERROR(ReadCheckpoint(*store, table->path(), first).status());
  for (const ObjectInfo& object : log) {
    std::optional<LogFileName> name = ParseLogFileName(object.path);
    if (!name || name->version >= first) continue;  // its commit stays beside it: readers insist
    if (!options.dry_run) RETURN_IF_ERROR(store->Delete(object.path));
    CrashPoint("vacuum.log_removed");
    ++result.log_files;
  }
  return result;
}

}  // namespace forebay
