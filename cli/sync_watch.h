// Proof of sync while a worker runs: a thread of low priority that compares, now and then, what
// the worker's lookups, states, update topics and tables say of each key (sync_check.h).
//
//   SyncWatch watch(loaded, kafka, warehouse, lookup);
//   watch.Start([&] { return the tasks that this worker has; });
//   ... watch.counts() ...
//
// What differs is logged. An error concerns the comparison alone: it is told, and tried again next
// time.
#ifndef FOREBAY_CLI_SYNC_WATCH_H_
#define FOREBAY_CLI_SYNC_WATCH_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "connectors/kafka/client_config.h"
#include "connectors/object_store/object_store.h"
#include "engine/batch/event_batch.h"
#include "engine/worker/lookup.h"
#include "offline/upkeep/pace.h"
#include "offline/verify/task_check.h"
#include "schemas/definition/project.h"
#include "schemas/types/view_id.h"

namespace forebay {

struct SyncCounts {
  std::map<ViewId, KeyCounts> views;  // of the last comparison that ended
  std::optional<absl::Time> last;     // when that was
  int64_t errors = 0;                 // comparisons that failed
};

class SyncWatch {
 public:
  // `loaded` and `lookup` outlive it. REQUIRES: its verify_every_us is not 0.
  SyncWatch(const LoadedProject& loaded, KafkaConfig kafka, std::shared_ptr<ObjectStore> warehouse,
            LookupFunction lookup);
  ~SyncWatch();

  // `tasks`: asked before each comparison, by the thread. Once.
  void Start(std::function<std::set<TaskId>()> tasks);

  // Gives up what the thread is at, and does not wait for it.
  void Stop();

  SyncCounts counts() const;

 private:
  void Run();
  void Compare();
  absl::StatusOr<TaskCheckRequest::Answers> LookUp(int view,
                                                   absl::Span<const std::string> keys) const;

  const LoadedProject& loaded_;
  const KafkaConfig kafka_;
  const std::shared_ptr<ObjectStore> warehouse_;
  const LookupFunction lookup_;
  std::function<std::set<TaskId>()> tasks_;
  Pace pace_{PaceLimits()};
  std::atomic<bool> stop_{false};

  mutable absl::Mutex mutex_;
  SyncCounts counts_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;  // last: it uses everything above
};

}  // namespace forebay

#endif  // FOREBAY_CLI_SYNC_WATCH_H_
