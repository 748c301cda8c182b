// The records that the outputs of a task add to the update topics and the dead-letter topic.
//
//   UpdateWriter writer(project, task, limits);
//   writer.SetHeld(positions.Of(task));
//   RETURN_IF_ERROR(writer.Write({output, part}, published, producer));
//   for (const std::string& key : writer.PositionKeys({output, part}, published)) ...
//
// Called by one thread at a time. `project` and `limits` must outlive it.
#ifndef FOREBAY_CONNECTORS_KAFKA_UPDATE_WRITER_H_
#define FOREBAY_CONNECTORS_KAFKA_UPDATE_WRITER_H_

#include <memory>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/published_positions.h"
#include "connectors/kafka/record_limits.h"
#include "connectors/kafka/update_part.h"
#include "engine/batch/sink.h"

namespace forebay {

namespace v1 {
class Project;
}

// Whether any view of the project has an update topic.
bool PublishesUpdates(const v1::Project& project);

class UpdateWriter {
 public:
  // What a task yielded, as one sink has it.
  struct Output {
    const TaskOutput& task_output;
    const UpdatePart* updates = nullptr;  // null: none
  };

  UpdateWriter(const v1::Project& project, const TaskId& task, const RecordLimits& limits);

  // What takes the steps of the task's next output. Any thread.
  std::unique_ptr<UpdatePart> NewPart() const { return std::make_unique<UpdatePart>(views_); }

  // What an earlier writer has published: it is not written again.
  void SetHeld(PublishedOffsets held) { held_ = std::move(held); }

  // True when Write would produce something.
  bool HasRecordsAfter(const Output& output, Offset published) const;

  // Produces every update that fits its topic, then every dead letter, that is made above
  // `published` and not held; updates go to the partition that has the task's number. Stops at an
  // error. May be repeated.
  absl::Status Write(const Output& output, Offset published, Producer& producer) const;

  // Of the positions that Write moves: to that of `output`.
  std::set<std::string> PositionKeys(const Output& output, Offset published) const;

 private:
  absl::Status WriteLetter(const DeadLetter& letter, Producer& producer) const;
  absl::Status WriteUpdates(const UpdatePart& part, size_t view, Offset published,
                            Producer& producer) const;
  // The first update of the view that lacks.
  size_t FirstLacking(const UpdatePart& part, size_t view, Offset published) const;
  bool IsLacking(const UpdatePart& part, size_t view, Offset published) const;
  bool IsLacking(const DeadLetter& letter, Offset published) const;
  Offset HeldOf(const DeadLetter& letter) const;

  const TaskId task_;
  const std::shared_ptr<const PublishedViews> views_;
  PublishedOffsets held_;
  const std::string dead_letter_topic_;
  const size_t most_letter_;
};

// The writers of the tasks that are open. Thread-safe.
class UpdateWriters {
 public:
  UpdateWriters(const v1::Project& project, const RecordLimits& limits)
      : project_(project), limits_(limits) {}

  // Starts anew; `held` as of UpdateWriter::SetHeld.
  void Open(const TaskId& task, PublishedOffsets held);
  void Close(const TaskId& task);
  // Null: not open.
  std::shared_ptr<UpdateWriter> Find(const TaskId& task) const;
  // What takes the steps of the task's next output; null: not open. Any thread.
  std::unique_ptr<UpdatePart> NewPart(const TaskId& task) const;

 private:
  const v1::Project& project_;
  const RecordLimits& limits_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<TaskId, std::shared_ptr<UpdateWriter>> writers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_UPDATE_WRITER_H_
