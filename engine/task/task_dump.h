// The stored state of a task as text, for people: `forebay dump`.
#ifndef FOREBAY_ENGINE_TASK_TASK_DUMP_H_
#define FOREBAY_ENGINE_TASK_TASK_DUMP_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "engine/state/state_store.h"
#include "engine/task/task_plan.h"

namespace forebay {

using DumpLine = std::function<void(const std::string& json)>;

// One line: position, clock, views and their ids.
absl::Status DumpMeta(const StateStore& store, const DumpLine& line);

// One line per key, in the order of the store: view, key, times, tiles per hop, and the features at
// the last effective time.
absl::Status DumpStates(const TaskPlan& plan, const StateStore& store, const DumpLine& line);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_TASK_DUMP_H_
