// The seam to where events come from: partitions that it gives to the worker and takes away again,
// and of each a stream of batches.
#ifndef FOREBAY_ENGINE_WORKER_SOURCE_H_
#define FOREBAY_ENGINE_WORKER_SOURCE_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/batch/event_batch.h"

namespace forebay {

// What a partition holds.
struct PartitionBounds {
  Offset oldest{0};  // of the oldest record kept; above 0: older ones are gone
  Offset next{0};    // of the record to come
  // Of the topic that it is of, drawn when that was created; empty: the source does not know.
  std::string topic_id;
};

// What a source tells whoever runs the tasks; both are called within Source::Poll and Close.
struct PartitionOwner {
  // These tasks are the worker's now: returns for each, in order, the position of its state (the
  // offset last applied); none: read from the oldest record. An error that passes (IsTransient)
  // gives them back, to be assigned again after a pause; any other leaves all unread, and is
  // returned by Poll. Records come only after it has returned.
  std::function<absl::StatusOr<std::vector<std::optional<Offset>>>(absl::Span<const TaskId>)>
      assigned;
  // The worker is losing these: on return it asks for nothing of them. `lost`: others may have them
  // already, so commit nothing.
  std::function<void(absl::Span<const TaskId> tasks, bool lost)> revoked;
};

class Source {
 public:
  virtual ~Source() = default;

  // Gives and takes partitions on the calling thread; returns after `timeout` or something done.
  // An error: the worker cannot go on. One thread.
  virtual absl::Status Poll(absl::Duration timeout) = 0;

  // The worker has lost its tasks for a reason of its own: after a pause they are taken away and
  // assigned anew. Poll's thread.
  virtual void JoinAgain() = 0;

  // Takes all partitions away. Idempotent. Poll's thread.
  virtual void Close() = 0;

  // What the task's partition holds now. Waits for a source that is away. Any thread.
  virtual absl::StatusOr<PartitionBounds> Bounds(const TaskId& task) = 0;

  // PartitionBounds::next of each, in order, as they are now. UNAVAILABLE: not all answered in
  // time.
  virtual absl::StatusOr<std::vector<Offset>> QueryEnds(absl::Span<const TaskId> tasks,
                                                        absl::Duration timeout) = 0;
  // The same of one task as of the last Next, without asking; none: not known. Any thread.
  virtual std::optional<Offset> KnownEnd(const TaskId& task) const = 0;

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
