// The records that the outputs of a task add to the update topics and the dead-letter topic.
//
//   UpdateWriter writer(project, task, limits);
//   writer.SetHeld(positions.Of(task));
//   writer.Review(&output);                                  // on the task's thread, ahead of
//   RETURN_IF_ERROR(writer.Write(output, published, producer));
//   for (const std::string& key : writer.PositionKeys(output, published)) ...  //
//   PublishedPositions writer.Forget(output);                                   // it is published
//
// Review may run beside the rest, which is called by one thread at a time. `project` and `limits`
// must outlive it.
#ifndef FOREBAY_CONNECTORS_KAFKA_UPDATE_WRITER_H_
#define FOREBAY_CONNECTORS_KAFKA_UPDATE_WRITER_H_

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/published_positions.h"
#include "connectors/kafka/record_limits.h"
#include "connectors/update_record/update_record.h"
#include "engine/worker/sink.h"

namespace forebay {

namespace v1 {
class Project;
}

// Whether any view of the project has an update topic.
bool PublishesUpdates(const v1::Project& project);

class UpdateWriter {
 public:
  UpdateWriter(const v1::Project& project, const TaskId& task, const RecordLimits& limits);
  ~UpdateWriter();

  // What an earlier writer has published: it is not written again.
  void SetHeld(PublishedOffsets held) { held_ = std::move(held); }

  // True when Write would produce something.
  bool HasRecordsAfter(const TaskOutput& output, Offset published) const;

  // Encodes the change records of `output`, so that the Write of the commit that they go into only
  // hands them over, and adds a dead letter for each that is too large for its topic.
  void Review(TaskOutput* output);

  // Produces every change record of views with `updates` on that fits its topic, then every dead
  // letter, that is made above `published` and not held; change records go to the partition that
  // has the task's number. Stops at an error. May be repeated. REQUIRES: `output` was reviewed.
  absl::Status Write(const TaskOutput& output, Offset published, Producer& producer);

  // Of the positions that Write moves: to that of `output`.
  std::set<std::string> PositionKeys(const TaskOutput& output, Offset published) const;

  // Lets go of what Review has encoded of `output` and of outputs before it.
  void Forget(const TaskOutput& output);

 private:
  struct View {
    std::string name;
    uint32_t version = 0;
    std::string topic;
    std::unique_ptr<UpdateRecordEncoder> encoder;  // null: no updates
    size_t most_payload = 0;
  };
  // The records of a batch that a task made.
  struct Prepared {
    std::shared_ptr<arrow::RecordBatch> rows;
    std::unique_ptr<EncodedUpdates> updates;
  };

  void RefuseLarge(const ChangeBatch& changes, const EncodedUpdates& updates,
                   TaskOutput* output) const;
  absl::Status WriteLetter(const DeadLetter& letter, Producer& producer) const;
  absl::Status WriteChanges(const ChangeBatch& changes, int32_t partition, Offset published,
                            Producer& producer);
  bool IsLacking(const ChangeBatch& changes, Offset published) const;
  bool IsLacking(const DeadLetter& letter, Offset published) const;
  Offset HeldOf(const DeadLetter& letter) const;
  const EncodedUpdates* FindPrepared(const arrow::RecordBatch* rows);
  std::unique_ptr<EncodedUpdates> TakeSpare();

  const TaskId task_;
  std::vector<View> views_;  // by index into Project.feature_views
  PublishedOffsets held_;
  const std::string dead_letter_topic_;
  const size_t most_letter_;
  EncodedUpdates unprepared_;  // scratch

  absl::Mutex mutex_;
  std::deque<Prepared> prepared_ ABSL_GUARDED_BY(mutex_);  // in the order they were made
  std::vector<std::unique_ptr<EncodedUpdates>> spare_ ABSL_GUARDED_BY(mutex_);
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

 private:
  const v1::Project& project_;
  const RecordLimits& limits_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<TaskId, std::shared_ptr<UpdateWriter>> writers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_UPDATE_WRITER_H_
