// Where the files before a topic end, told by positions of the topic (BatchSource.until_offsets): a
// task begins there, and reads nothing before. Pure: the source asks the broker.
#ifndef FOREBAY_CONNECTORS_KAFKA_FILES_END_H_
#define FOREBAY_CONNECTORS_KAFKA_FILES_END_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "engine/batch/event_batch.h"
#include "engine/worker/source.h"

namespace forebay {

namespace v1 {
class Source;
}

// INVALID_ARGUMENT: `until` names another number of offsets than the source's topic has partitions.
// A source that names none passes.
absl::Status CheckUntilOffsets(const v1::Source& source, int32_t partitions);

// The offset of the first record of the task's partition that the files do not have. nullopt: no
// offsets say where files end. REQUIRES: `task` is of the source's topic, CheckUntilOffsets.
std::optional<Offset> EndOfFiles(const v1::Source& source, const TaskId& task);

// How far a task has read the topic. nullopt: not at all.
struct TaskReading {
  std::optional<Offset> position;  // it reads on behind it; none: from where the files end
  std::optional<Offset> least;     // of its parts: one that was there before may be behind others
};

// Whether the task, with the files up to before `end`, has all there is. FAILED_PRECONDITION: the
// partition lacks records from there on, or ends before; or what was read does not go as far.
absl::Status CheckNothingBetween(const v1::Source& source, const TaskId& task, Offset end,
                                 const TaskReading& reading, const PartitionBounds& bounds);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_FILES_END_H_
