// What a task yields between two cuts, and what sinks make of it on the task's thread.
#ifndef FOREBAY_ENGINE_BATCH_TASK_OUTPUT_H_
#define FOREBAY_ENGINE_BATCH_TASK_OUTPUT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/batch/change_batch.h"
#include "engine/batch/event_batch.h"

namespace forebay {

struct Change;
struct Scalar;
struct TaskOutput;
class Sink;

// What one sink makes of the steps of a task: it grows while the task goes on, and rides with the
// output that it belongs to. Task's thread, until the cut.
class SinkPart {
 public:
  virtual ~SinkPart() = default;

  // A step that the sink wants (Sink::Wants), in the order of (offset, ordinal) in its view, with
  // its features, one per feature of the view. Their texts are valid until the return.
  virtual void Take(int view, const Change& change, const Scalar* features) = 0;

  // Events for the archive of their source, of its ArchiveSchema: those that passed the gate, in
  // the order of their offsets.
  virtual void TakeEvents(const std::shared_ptr<arrow::RecordBatch>& rows) {}

  // All steps of the records up to `output`'s position are taken: adds dead letters for those that
  // came since the last call and that the sink cannot hold. What is large may go on its way.
  virtual void Review(TaskOutput* output) {}

  // Nothing more comes: `output` is whole.
  virtual void Finish(const TaskOutput& output) {}

  // About what it takes in memory.
  virtual size_t bytes() const = 0;
};

// A key of an entity was forgotten (S31).
struct AppliedErasure {
  Offset offset;  // of the control record
  std::string entity;
  int views = 0;           // that had state of it
  bool forwarded = false;  // to the entity's repartition topic
};

// A cut falls between two records: all steps of one offset are in the same output.
struct TaskOutput {
  TaskId task;
  Offset position{-1};                 // of the last record applied
  KnownTime clock = KnownTime::Min();  // partition clock at that position; Min: undefined
  bool at_end = false;                 // the partition had no more records
  // Every change that is effective before this is made: the clock, or the least boundary of an
  // expiry step that is due but unwritten (S6).
  KnownTime complete_before = KnownTime::Min();
  std::vector<DeadLetter> dead_letters = {};
  std::vector<ForwardedRecord> forwarded = {};
  std::vector<AppliedErasure> erasures = {};
  std::vector<std::pair<const Sink*, std::unique_ptr<SinkPart>>> parts = {};

  // What the sink has made of it, which it knows the type of; null: nothing.
  template <typename Part>
  const Part* PartOf(const Sink* sink) const {
    for (const auto& [of, part] : parts) {
      if (of == sink) return static_cast<const Part*>(part.get());
    }
    return nullptr;
  }
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_BATCH_TASK_OUTPUT_H_
