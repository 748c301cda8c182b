// Whether a task has read the files of its source to their ends: only then does the task of the
// topic behind them begin from its state. And where they ended for it (`until`), as the topic's
// task goes on there. Kept as files in the task's folder.
#ifndef FOREBAY_CLI_BACKFILL_MARK_H_
#define FOREBAY_CLI_BACKFILL_MARK_H_

#include <filesystem>

#include "absl/status/status.h"
#include "engine/batch/event_batch.h"

namespace forebay {

namespace v1 {
class Source;
}

// Durable on return. REQUIRES: the caller has the lock of the state folder.
absl::Status MarkBackfilled(const std::filesystem::path& state, const TaskId& task);
absl::Status UnmarkBackfilled(const std::filesystem::path& state, const TaskId& task);

bool IsBackfilled(const std::filesystem::path& state, const TaskId& task);

// Notes durably what `until` of the source is, before the task reads any of its files. REQUIRES:
// HasFilesBeforeTopic, the lock of the state folder.
absl::Status NoteUntil(const std::filesystem::path& state, const TaskId& task,
                       const v1::Source& source);

// Whether it is what was noted; so it is where nothing was, as by an earlier forebay.
// FAILED_PRECONDITION: it is another; says what to do. REQUIRES: HasFilesBeforeTopic.
absl::Status CheckUntil(const std::filesystem::path& state, const TaskId& task,
                        const v1::Source& source);

}  // namespace forebay

#endif  // FOREBAY_CLI_BACKFILL_MARK_H_
