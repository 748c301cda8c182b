// Proof of sync of one view in one task: all its keys in the state, the update topic and the table
// with the change log, compared at the position of the state.
//
// The state that is durable is that of one position, and no sink is behind it (law 3): so
// everything up to there is in the topic, and in the log or the table, however far these are by
// now. With the state read first, what was made up to its position is compared exactly, key by key,
// beside a worker that goes on. Where the state is not at hand, table and topic are compared up to
// the position that the table's last flush has of the task.
//
// Memory is bounded by `memory`: keys that it does not hold are compared in further passes, each of
// which reads the three places again.
#ifndef FOREBAY_OFFLINE_VERIFY_TASK_CHECK_H_
#define FOREBAY_OFFLINE_VERIFY_TASK_CHECK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/object_store/object_store.h"
#include "engine/batch/event_batch.h"
#include "offline/verify/key_comparison.h"

namespace forebay {

class StoredState;

namespace v1 {
class Project;
}

struct TaskCheckRequest {
  const v1::Project* project = nullptr;
  int view = 0;  // index into Project.feature_views
  TaskId task;
  const StoredState* state = nullptr;  // of the task; null: it is not at hand
  std::shared_ptr<ObjectStore> warehouse;
  std::string state_folder;  // with the change log
  // Visits the records of the task's partition of the update topic, as far as it went after the
  // state was read, in order: key, and what they say. Empty: there is no such topic.
  using VisitUpdate = absl::FunctionRef<void(std::string_view key, absl::StatusOr<StepText> step)>;
  std::function<absl::Status(VisitUpdate visit)> read_updates;
  // What lookups of these keys (EncodeKey) answer as of the last step of each; nullopt: there is no
  // such key, or it says nothing. Empty: lookups are not asked. UNAVAILABLE: there is no worker to
  // ask.
  using Answers = std::vector<std::optional<StepText>>;
  std::function<absl::StatusOr<Answers>(absl::Span<const std::string> keys)> look_up;
  // That come before the task's topic. REQUIRES: `state` is there.
  std::optional<FilesBefore> files;
  // Of the task's partition, asked for after that of the update topic.
  Offset end = Offset::Max();
  size_t memory = 0;
  size_t shown = 0;
  const std::atomic<bool>* cancel = nullptr;
};

struct TaskCheck {
  ComparedPlaces places;
  Offset position{-1};  // at which they were compared
  KeyCounts counts;
  std::vector<KeyDifference> differences;
  std::string note;  // why something was not compared; may be empty
};

// Errors of the places; CANCELLED.
absl::StatusOr<TaskCheck> CheckTask(const TaskCheckRequest& request);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_VERIFY_TASK_CHECK_H_
