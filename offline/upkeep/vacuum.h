// Removes from a table what nothing needs any more: data files that only versions older than the
// retention name, those that no version names, and commits and checkpoints of such versions.
//
//   VacuumResult result = VacuumTable(store, table.get(), {.retention = absl::Hours(720)}).value();
//
// Safe beside writers and readers: kept is what a version within the retention names, what a lease
// is for, and files too young to be left over: their commit may be on its way. Ages are told by the
// store's clock, that of this machine may be wrong.
#ifndef FOREBAY_OFFLINE_UPKEEP_VACUUM_H_
#define FOREBAY_OFFLINE_UPKEEP_VACUUM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/delta_table.h"

namespace forebay {

struct VacuumOptions {
  absl::Duration retention = absl::Hours(30 * 24);
  // Files that no version names are removed when they are as old; a flush or a merge takes less.
  absl::Duration orphan_age = absl::Hours(24);
  // The cold location, if there is one: where it is in a bucket, it is looked for there, too.
  std::optional<StoreUri> cold;
  bool dry_run = false;  // counts only
};

struct VacuumResult {
  int64_t data_files = 0;       // removed
  int64_t bytes = 0;            // of these
  int64_t log_files = 0;        // commits and checkpoints removed
  int64_t kept_for_leases = 0;  // data files
};

// `table` is refreshed. After an error some are removed: repeat.
absl::StatusOr<VacuumResult> VacuumTable(const std::shared_ptr<ObjectStore>& store,
                                         DeltaTable* table, const VacuumOptions& options);

// The decision alone.
struct VacuumFacts {
  int64_t retained_ms = 0;        // what versions named after this is kept, by commit times
  int64_t leased_ms = INT64_MAX;  // likewise, for leases
  int64_t orphans_before_us = 0;  // files that no version names are removed if they are older
};
enum class VacuumVerdict { kKeep, kKeepForLease, kRemove };
VacuumVerdict Judge(const Snapshot& table, const ObjectInfo& file, const std::string& path,
                    const VacuumFacts& facts);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_UPKEEP_VACUUM_H_
