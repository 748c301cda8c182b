// The seam to where events come from: one stream of batches per task.
#ifndef FOREBAY_ENGINE_WORKER_SOURCE_H_
#define FOREBAY_ENGINE_WORKER_SOURCE_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/batch/event_batch.h"

namespace forebay {

// What a partition holds.
struct PartitionBounds {
  Offset oldest{0};  // of the oldest record kept; above 0: older ones are gone
  Offset next{0};    // of the record to come
  // Of the topic that it is of, drawn when that was created; empty: the source does not know.
  std::string topic_id;
};

class Source {
 public:
  virtual ~Source() = default;

  // What the task's partition holds now. Waits for a source that is away. Any thread.
  virtual absl::StatusOr<PartitionBounds> Bounds(const TaskId& task) = 0;

  // The next records of the task, at most `max_records`, waiting up to `timeout` for the first. A
  // batch without any says in last_offset whether the position moves all the same. An error other
  // than UNAVAILABLE (the source wakes when it may be asked again) and CANCELLED (the task is being
  // taken away) halts the task. Called by one thread per task at a time.
  virtual absl::StatusOr<EventBatch> Next(const TaskId& task, size_t max_records,
                                          absl::Duration timeout) = 0;

  // `wake` is called, on any thread, within Watch too, when Next may have something for the task
  // that it had not: a record, a position, the news that the task is taken away. A batch with
  // records may leave more of them behind without a further call. `wake` may be called for nothing;
  // it must be quick, and must not wait for whoever is calling the source. Null ends it: on return
  // no call is under way.
  virtual void Watch(const TaskId& task, std::function<void()> wake) = 0;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_WORKER_SOURCE_H_
