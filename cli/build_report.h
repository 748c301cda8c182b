// Tells the catalog how far a worker is with the views that it brings up: which of its tasks have
// met the head of their topic, until all tasks of a view have and it is live, in one commit; and
// beside the catalog, in a file of the worker's own, how far a lane is.
//
//   BuildReport report(log, warehouse, "shop", "w1");
//   report.Tell({.views = ..., .lane = ...});   // often
#ifndef FOREBAY_CLI_BUILD_REPORT_H_
#define FOREBAY_CLI_BUILD_REPORT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "catalog/built_views.h"
#include "catalog/catalog_log.h"
#include "connectors/object_store/object_store.h"
#include "online/http/catalog_sources.h"
#include "schemas/types/view_id.h"

namespace forebay {

struct WorkerBuilds {
  std::map<ViewId, BuiltTasks> views;  // that are BUILDING in the catalog
  std::optional<LaneState> lane;
};

// What the workers of a project say of their lanes.
struct WorkerReport {
  std::string worker;
  absl::Time time;  // when
  LaneState lane;
};
absl::StatusOr<std::vector<WorkerReport>> ReadWorkerReports(ObjectStore& warehouse,
                                                            const std::string& project);

class BuildReport {
 public:
  BuildReport(CatalogLog log, std::shared_ptr<ObjectStore> warehouse, const std::string& project,
              const std::string& worker_id);
  // The worker says nothing of a lane any more.
  ~BuildReport();

  // A thread writes the newest, and tries again what fails.
  void Tell(WorkerBuilds builds);

 private:
  void Run();
  absl::Status Write(const WorkerBuilds& builds);

  const CatalogLog log_;
  const std::shared_ptr<ObjectStore> warehouse_;
  const std::string path_;
  const std::string worker_id_;
  bool has_file_ = true;  // of the thread; an earlier process may have left it
  absl::Mutex mutex_;
  std::optional<WorkerBuilds> newest_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace forebay

#endif  // FOREBAY_CLI_BUILD_REPORT_H_
