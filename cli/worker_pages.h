// What the pages of the catalog ask of a worker.
#ifndef FOREBAY_CLI_WORKER_PAGES_H_
#define FOREBAY_CLI_WORKER_PAGES_H_

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "connectors/object_store/object_store.h"
#include "engine/worker/worker.h"
#include "online/http/catalog_sources.h"

namespace forebay {

std::vector<TaskState> TaskStatesOf(const Worker& worker);

// `log` outlives it. `warehouse`: of the table of statistics. `tasks`: those that answer lookups.
CatalogSources PageSources(const CatalogLog* log, std::shared_ptr<ObjectStore> warehouse,
                           std::function<std::vector<TaskState>()> tasks,
                           std::function<std::optional<LaneState>()> lane);

}  // namespace forebay

#endif  // FOREBAY_CLI_WORKER_PAGES_H_
