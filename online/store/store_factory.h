// Opens the stores of a worker's tasks, in <state>/<topic>-<partition>/store/. They share one block
// cache and one budget for unflushed writes.
//
//   ASSIGN_OR_RETURN(StateFolder folder, OpenStateFolder("state", "fraud"));
//   StoreFactory stores(folder.path(), StoreLimits());
//   ASSIGN_OR_RETURN(std::unique_ptr<StateStore> store, stores.Open({"transactions",
//   PartitionId(3)}));
#ifndef FOREBAY_ONLINE_STORE_STORE_FACTORY_H_
#define FOREBAY_ONLINE_STORE_STORE_FACTORY_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "engine/batch/event_batch.h"
#include "engine/state/state_store.h"

namespace forebay {

// Of all stores of a worker together, in bytes.
struct StoreLimits {
  int64_t block_cache_bytes = int64_t{256} << 20;   // data, index and filter blocks, and memtables
  int64_t write_buffer_bytes = int64_t{128} << 20;  // memtables; part of the block cache
};

// Thread-safe. Stores keep what they share alive: the factory may go first, the lock of the state
// folder must not.
class StoreFactory {
 public:
  // The caller holds the lock of `state` (OpenStateFolder) as long as any store of this is open.
  StoreFactory(std::filesystem::path state, const StoreLimits& limits);
  ~StoreFactory();

  // Opens the task's store, or makes an empty one. Errors as in store_status.h. One that is open is
  // the same store: whoever had it before only reads it from then on.
  absl::StatusOr<std::unique_ptr<StateStore>> Open(const TaskId& task);

  // Whether the task has a store already.
  bool Has(const TaskId& task) const;

 private:
  struct Shared;

  absl::StatusOr<std::shared_ptr<StateStore>> OpenDatabase(const TaskId& task) const;

  const std::filesystem::path state_;
  const std::unique_ptr<const Shared> shared_;
  absl::Mutex mutex_;  // one store is opened at a time by whoever wants the same one
  std::map<TaskId, std::weak_ptr<StateStore>> open_ ABSL_GUARDED_BY(mutex_);
};

// The store as it is now, for tools that look beside a running worker: sees all commits that
// returned before. Commit on it fails. NOT_FOUND: the task has no store.
absl::StatusOr<std::unique_ptr<StateStore>> OpenStoreForReading(const std::filesystem::path& state,
                                                                const TaskId& task);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_STORE_STORE_FACTORY_H_
