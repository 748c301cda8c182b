// Keeps tables in order while a worker runs: a thread of low priority that compacts them, and now
// and then removes what no version within the retention needs.
//
//   TableUpkeep upkeep(warehouse, options);
//   upkeep.Start([&] { return paths of the tables that this worker looks after; });
//   ... upkeep.last_error(), upkeep.counters() ...
//
// An error concerns the upkeep alone: it is told, and tried again next time.
#ifndef FOREBAY_OFFLINE_UPKEEP_TABLE_UPKEEP_H_
#define FOREBAY_OFFLINE_UPKEEP_TABLE_UPKEEP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "connectors/object_store/object_store.h"
#include "offline/compaction/compaction.h"
#include "offline/delta/delta_table.h"
#include "offline/upkeep/pace.h"

namespace forebay {

struct TableUpkeepOptions {
  absl::Duration interval = absl::Minutes(1);  // between two looks at a table
  absl::Duration vacuum_interval = absl::Hours(6);
  absl::Duration retention = absl::Hours(30 * 24);
  // Where dates older than `cold_after` go; nullopt: nowhere.
  std::optional<StoreUri> cold;
  S3Settings s3;
  absl::Duration cold_after = absl::Hours(90 * 24);
  PaceLimits pace;
  CompactionOptions compaction;  // its `pace` is set here
};

struct UpkeepCounters {
  int64_t compactions = 0;  // commits
  int64_t rows_compacted = 0;
  int64_t bytes_compacted = 0;  // of the files that were written
  int64_t files_removed = 0;    // by vacuum
  int64_t errors = 0;
};

class TableUpkeep {
 public:
  TableUpkeep(std::shared_ptr<ObjectStore> warehouse, TableUpkeepOptions options);
  ~TableUpkeep() { Stop(); }

  // `tables`: asked before each round, by the thread. Once.
  void Start(std::function<std::vector<std::string>()> tables);

  // Ends what the thread is at: a merge that is not committed is given up.
  void Stop();

  absl::Status last_error() const;  // of the last round; OK: there was none
  UpkeepCounters counters() const;

 private:
  void Run();
  absl::Status Look(const std::string& table);
  void Count(const CompactionResult& result);

  std::shared_ptr<ObjectStore> warehouse_;
  TableUpkeepOptions options_;
  Pace pace_;
  std::function<std::vector<std::string>()> tables_;
  std::map<std::string, std::unique_ptr<DeltaTable>> open_;  // of the thread
  std::map<std::string, absl::Time> vacuumed_;               // likewise

  mutable absl::Mutex mutex_;
  absl::Status last_error_ ABSL_GUARDED_BY(mutex_);
  UpkeepCounters counters_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;  // last: it uses everything above
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_UPKEEP_TABLE_UPKEEP_H_
