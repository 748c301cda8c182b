// Proof of sync of a project: what its states, update topics and tables say of each key, compared.
// Looks only, beside a worker that runs or none.
#ifndef FOREBAY_CLI_SYNC_CHECK_H_
#define FOREBAY_CLI_SYNC_CHECK_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/kafka/client_config.h"
#include "connectors/object_store/object_store.h"
#include "engine/batch/event_batch.h"
#include "offline/verify/task_check.h"
#include "schemas/definition/project.h"
#include "schemas/types/view_id.h"

namespace forebay {

// As TaskCheckRequest.look_up has it, of a view.
using LookUpKeys = std::function<absl::StatusOr<TaskCheckRequest::Answers>(
    int view, absl::Span<const std::string> keys)>;

struct SyncCheckRequest {
  const LoadedProject& loaded;
  const KafkaConfig& kafka;
  std::shared_ptr<ObjectStore> warehouse;
  std::set<int> views;  // indices into Project.feature_views
  // These, as far as their state is here; nullopt: all of the views, wherever they are. A task that
  // is being opened is better left out.
  std::optional<std::set<TaskId>> only;
  LookUpKeys look_up;  // empty: lookups are not asked
  size_t shown = 0;    // how many differences of each task are kept
  const std::atomic<bool>* cancel = nullptr;
};

// A view in one task.
struct SyncFinding {
  ViewId view;
  TaskId task;
  TaskCheck check;
};

// One after the other. Errors of the broker, of states and of tables that cannot be read;
// CANCELLED.
absl::StatusOr<std::vector<SyncFinding>> CheckSync(const SyncCheckRequest& request);

}  // namespace forebay

#endif  // FOREBAY_CLI_SYNC_CHECK_H_
