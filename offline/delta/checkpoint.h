// V1 checkpoints: a snapshot as one Parquet file beside the commits.
#ifndef FOREBAY_OFFLINE_DELTA_CHECKPOINT_H_
#define FOREBAY_OFFLINE_DELTA_CHECKPOINT_H_

#include <cstdint>
#include <map>
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

// Of the objects in a log: the checkpoints that are whole, by version. Other programs write large
// ones in parts.
std::map<int64_t, std::vector<ObjectInfo>> FindCheckpoints(const std::vector<ObjectInfo>& log);

// NOT_FOUND: there is none, or a part is missing. DATA_LOSS: it is damaged.
absl::StatusOr<std::vector<Action>> ReadCheckpoint(const ObjectStore& store,
                                                   const std::string& table, int64_t version);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_CHECKPOINT_H_
