// Follows a catalog: a thread that tells of each newer state.
//
//   CatalogWatch watch(log, state, absl::Seconds(1), {.changed = ..., .failed = ...});
#ifndef FOREBAY_CATALOG_CATALOG_WATCH_H_
#define FOREBAY_CATALOG_CATALOG_WATCH_H_

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "catalog/catalog_log.h"

namespace forebay {

// Called by the thread, one at a time.
struct CatalogWatcher {
  std::function<void(const CatalogLog::State& state)> changed;
  // The catalog cannot be read; tried again. Once until it can.
  std::function<void(const absl::Status& why)> failed;
  std::function<void()> recovered;  // it can again
};

class CatalogWatch {
 public:
  // `known`: of which the watcher knows already. Looks every `interval`.
  CatalogWatch(CatalogLog log, CatalogLog::State known, absl::Duration interval,
               CatalogWatcher watcher);
  // Waits for a call that is under way.
  ~CatalogWatch();
  CatalogWatch(const CatalogWatch&) = delete;
  CatalogWatch& operator=(const CatalogWatch&) = delete;

 private:
  void Run();

  const CatalogLog log_;
  CatalogLog::State known_;  // of the thread
  const absl::Duration interval_;
  const CatalogWatcher watcher_;
  absl::Mutex mutex_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace forebay

#endif  // FOREBAY_CATALOG_CATALOG_WATCH_H_
