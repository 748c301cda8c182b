// The seam to everything that keeps what tasks yield: the update topic, the change log, the
// dead-letter topic, repartition topics.
//
// A step goes straight to the parts of the sinks that want it (SinkPart), on the task's thread, and
// with them to Commit. A commit goes: every sink first (Commit returns when the data is durable),
// then the state with its position. So the durable state is never ahead of a sink, and after a
// crash a task replays records that a sink already holds: each sink knows up to which offset it
// does, and drops those (law 3).
//
// Errors are of two kinds. UNAVAILABLE and ABORTED (the task is no longer this worker's) pass: the
// task is lost, opened again and replayed. Any other ends the worker: somebody has to act.
#ifndef FOREBAY_ENGINE_BATCH_SINK_H_
#define FOREBAY_ENGINE_BATCH_SINK_H_

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/batch/event_batch.h"
#include "engine/batch/task_output.h"

namespace forebay {

// Whether the error passes by itself: what failed is to be done anew, from what is durable.
inline bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsAborted(status);
}

// What the durable state of a task says of a view whose history is on, or of the archive of its
// source: the source offset of the last row that it made.
struct LastRow {
  int view = 0;                  // as ChangeBatch.view
  std::optional<Offset> offset;  // below 0: it made none; nullopt: the state does not say
  Offset after{-1};              // of an archive: it was switched on there, and has what follows
};

// Which steps of a view a sink wants (S36).
struct WantedSteps {
  enum class Which : uint8_t {
    kNone,
    kEvery,          // as they are made
    kNewestOfCut,    // of each key, when the output is cut
    kNewestOfBatch,  // of each key, when a batch of records has been applied
  };
  Which which = Which::kNone;
  bool expiry = true;  // false: not those in which only time passed; deletes all the same
};

// Called by the thread that is named; a sink guards what it shares between them.
class Sink {
 public:
  virtual ~Sink() = default;

  // Of a view, by index into Project.feature_views: always the same.
  virtual WantedSteps Wants(int view) const { return {}; }

  // Tasks are opened next, one after the other. What others have made durable of them is so by now:
  // the sink may ask once for all of them. [commit thread]
  virtual void Expect(absl::Span<const TaskId> tasks) {}

  // The task starts: find out what the sink already holds of it. The offset up to which it does;
  // below 0: nothing, or it does not know. [commit thread]
  virtual absl::StatusOr<Offset> Open(const TaskId& task) = 0;

  // The task is open, at a state that was durable after this sink had taken all rows up to these.
  // FAILED_PRECONDITION: it lacks some of them, and they are not made again. [commit thread]
  virtual absl::Status CheckRows(const TaskId& task, absl::Span<const LastRow> rows) {
    return absl::OkStatus();
  }

  // What takes the steps of the task's next output. Null: the sink wants none. [task thread]
  virtual std::unique_ptr<SinkPart> Prepare(const TaskId& task) { return nullptr; }

  // `output` grows: it holds what the task has made since its last cut, up to its position. For
  // sinks that publish at once, which may rely on being offered all; Commit will get the same
  // again. [task thread]
  virtual absl::Status Offer(const TaskOutput& output) { return absl::OkStatus(); }

  // Makes durable what `outputs` hold (one per task, in any order) and does not hold yet, and
  // whatever was offered before. [commit thread]
  virtual absl::Status Commit(absl::Span<const TaskOutput* const> outputs) = 0;

  // The task leaves, after its last commit. Whatever is returned, the sink has let go of it.
  // [commit thread]
  virtual absl::Status Close(const TaskId& task) { return absl::OkStatus(); }

  // The task is lost: others may have it already, it is opened again, or the worker has failed. The
  // sink lets go of it and makes nothing more of it durable; what is, stands. [commit thread]
  virtual void Lose(const TaskId& task) {}
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_BATCH_SINK_H_
