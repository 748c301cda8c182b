// V1 checkpoints: a snapshot as one Parquet file beside the commits.
#ifndef FOREBAY_OFFLINE_DELTA_CHECKPOINT_H_
#define FOREBAY_OFFLINE_DELTA_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/snapshot.h"

namespace forebay {

// Writes the checkpoint of snapshot.version, then `_last_checkpoint`.
absl::Status WriteCheckpoint(ObjectStore* store, const std::string& table,
                             const Snapshot& snapshot);

absl::StatusOr<std::vector<Action>> ReadCheckpoint(const ObjectStore& store,
                                                   const std::string& table, int64_t version);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_CHECKPOINT_H_
