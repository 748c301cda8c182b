// Which version of a table is read, and which there are to read: time travel.
//
//   TableVersion version{.as_of_us = 1'700'000'000'000'000};
//   Snapshot snapshot = LoadSnapshotAt(*store, "offline/user_spend/v1", version).value();
//
// The time of a version is that which its commit says, which forebay keeps strictly increasing,
// also where the clock of the machine is set back; of a commit of others that says none, that of
// its file.
#ifndef FOREBAY_OFFLINE_DELTA_TABLE_VERSION_H_
#define FOREBAY_OFFLINE_DELTA_TABLE_VERSION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/snapshot.h"

namespace forebay {

// At most one of the two; neither: the newest version.
struct TableVersion {
  std::optional<int64_t> number;
  std::optional<int64_t> as_of_us;  // the newest version of that time or before; microseconds UTC

  bool IsNewest() const { return !number && !as_of_us; }
};

// The versions that can be made out of the log: all from the oldest to the newest. Retention takes
// commits away from the old end.
struct VersionRange {
  int64_t oldest = 0;
  int64_t newest = 0;
};

// NOT_FOUND: no such table. DATA_LOSS: what there is of its log makes no version.
absl::StatusOr<VersionRange> ListVersions(const ObjectStore& store, const std::string& table);

// As LoadSnapshot. NOT_FOUND, too: the version is none of the table's, or older than all that can
// be read; the message says which can.
absl::StatusOr<Snapshot> LoadSnapshotAt(const ObjectStore& store, const std::string& table,
                                        const TableVersion& version);

// The oldest version whose data files, too, are all there: a vacuum removes what only older ones
// need. Files outside of the table's folder are taken to be there. Lists the folders of the table.
absl::StatusOr<int64_t> OldestWholeVersion(const ObjectStore& store, const std::string& table);

// Why the data file `path` of a snapshot is not there, and what to do. FAILED_PRECONDITION: an
// erasure or a vacuum took it from this old version. DATA_LOSS: it is lost.
absl::Status ExplainMissingFile(const ObjectStore& store, const std::string& table,
                                const Snapshot& snapshot, const std::string& path);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_TABLE_VERSION_H_
