// Whether a task has read the files of its source to their ends: only then does the task of the
// topic behind them begin from its state. Kept as a file in the task's folder.
#ifndef FOREBAY_CLI_BACKFILL_MARK_H_
#define FOREBAY_CLI_BACKFILL_MARK_H_

#include <filesystem>

#include "absl/status/status.h"
#include "engine/batch/event_batch.h"

namespace forebay {

// Durable on return. REQUIRES: the caller has the lock of the state folder.
absl::Status MarkBackfilled(const std::filesystem::path& state, const TaskId& task);
absl::Status UnmarkBackfilled(const std::filesystem::path& state, const TaskId& task);

bool IsBackfilled(const std::filesystem::path& state, const TaskId& task);

}  // namespace forebay

#endif  // FOREBAY_CLI_BACKFILL_MARK_H_
