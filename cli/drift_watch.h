// How far features have moved, while a worker runs: of those that have `alerts`, the statistics
// table's last days against the training sets of the models that aliases stand for. A thread of low
// priority; what it finds is for /metrics.
//
//   DriftWatch watch(warehouse, interval);
//   watch.SetCatalog(state);                             // now and whenever it moves
//   watch.Start([&] { return paths of the tables that this worker keeps; });
#ifndef FOREBAY_CLI_DRIFT_WATCH_H_
#define FOREBAY_CLI_DRIFT_WATCH_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "catalog/catalog_log.h"
#include "connectors/object_store/object_store.h"
#include "forebay/v1/definition.pb.h"
#include "offline/statistics/drift_alerts.h"
#include "offline/statistics/table_statistics.h"
#include "online/http/metrics.h"

namespace forebay {

struct WatchedDrift {
  FeatureName feature;
  std::string training_set;  // "": of the null rate, which needs none
  DriftAlert alert;
};

// Thread-safe.
class DriftWatch {
 public:
  DriftWatch(std::shared_ptr<ObjectStore> warehouse, absl::Duration interval);
  ~DriftWatch();  // Stop

  void SetCatalog(CatalogLog::State state);
  // Of tables that are not among `tables` another worker tells. Once.
  void Start(std::function<std::vector<std::string>()> tables);
  void Stop();

  void WriteMetrics(MetricsWriter* writer) const;

 private:
  void Run();
  // Nothing, where neither the statistics nor the catalog nor the tables are others than before.
  absl::Status Look();
  absl::Status Tell(std::vector<WatchedDrift> found);
  std::vector<const v1::FeatureView*> WatchedViews(const CatalogState& state) const;

  const std::shared_ptr<ObjectStore> warehouse_;
  const absl::Duration interval_;
  std::function<std::vector<std::string>()> tables_;

  // Of the thread: what it looked at last.
  int64_t statistics_version_ = -1;
  int64_t catalog_version_ = -1;
  std::vector<std::string> looked_at_;

  mutable absl::Mutex mutex_;
  CatalogLog::State state_ ABSL_GUARDED_BY(mutex_);
  std::vector<WatchedDrift> found_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace forebay

#endif  // FOREBAY_CLI_DRIFT_WATCH_H_
