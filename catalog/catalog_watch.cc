#include "catalog/catalog_watch.h"

#include <utility>

namespace forebay {

CatalogWatch::CatalogWatch(CatalogLog log, CatalogLog::State known, absl::Duration interval,
                           CatalogWatcher watcher)
    : log_(std::move(log)),
      known_(std::move(known)),
      interval_(interval),
      watcher_(std::move(watcher)),
      thread_([this] { Run(); }) {}

CatalogWatch::~CatalogWatch() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  thread_.join();
}

void CatalogWatch::Run() {
  bool failed = false;
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stop_), interval_)) return;
    }
    absl::StatusOr<CatalogLog::State> state = log_.Refresh(known_);
    if (!state.ok()) {
      if (!std::exchange(failed, true)) watcher_.failed(state.status());
      continue;
    }
    if (std::exchange(failed, false)) watcher_.recovered();
    if ((*state)->version() == known_->version()) continue;
    known_ = *std::move(state);
    watcher_.changed(known_);
  }
}

}  // namespace forebay
