// Events from the files of sources: each partition's in the order of their known times, with record
// numbers as offsets.
//
//   FileSource source({{.plan = &plan, .files = files, .partitions = 4, .list_again = list}},
//                     {.owner = owner});
//   while (...) RETURN_IF_ERROR(source.Poll(absl::Milliseconds(50)));
//
// All partitions are given within the first Poll. What a partition holds, and under which offsets,
// depends on the files alone: a task that starts again passes over what it has. The files are read
// once for all partitions, as the tasks ask for more: no more than `most_rows` rows, and what a
// batch of one file brings, wait for slower ones. When all has been read the files are listed
// again: if they changed meanwhile, the tasks halt.
#ifndef FOREBAY_CONNECTORS_FILE_FILE_SOURCE_H_
#define FOREBAY_CONNECTORS_FILE_FILE_SOURCE_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "connectors/file/batch_files.h"
#include "connectors/file/merged_files.h"
#include "engine/task/task_plan.h"
#include "engine/worker/source.h"

namespace forebay {

// What the tasks of one plan (PlanBatchTasks) read.
struct FileTopic {
  const TaskPlan* plan = nullptr;  // outlives the source
  BatchFiles files;
  int partitions = 1;
  std::optional<std::set<int>> taken;  // of these: whose tasks there are; nullopt: of all
  std::function<absl::StatusOr<BatchFiles>()> list_again;
};

struct FileSourceOptions {
  PartitionOwner owner;
  double events_per_second = 0;  // at most, all tasks together; 0: as fast as they go
  int64_t most_rows = 1 << 19;   // that wait, of each topic
};

class FileSource final : public Source {
 public:
  FileSource(std::vector<FileTopic> topics, FileSourceOptions options);
  ~FileSource() override;

  absl::Status Poll(absl::Duration timeout) override;
  void JoinAgain() override { join_again_ = true; }
  void Close() override;

  // The end is not known before it is reached: `next` is past any record.
  absl::StatusOr<PartitionBounds> Bounds(const TaskId& task) override;
  absl::StatusOr<std::vector<Offset>> QueryEnds(absl::Span<const TaskId> tasks,
                                                absl::Duration timeout) override;
  std::optional<Offset> KnownEnd(const TaskId& task) const override;

  absl::StatusOr<EventBatch> Next(const TaskId& task, size_t max_records,
                                  absl::Duration timeout) override;
  void Watch(const TaskId& task, std::function<void()> wake) override;

  // For who stops before the end, where it is looked at: FAILED_PRECONDITION: the files are no
  // longer those that were listed.
  absl::Status CheckFilesUnchanged() const;

  // Of all rows of all topics, the part that tasks have, from 0 to 1, about. Any thread.
  double Progress() const;
  // How many these are. Any thread.
  int64_t rows() const;

 private:
  class Topic;

  Topic* FindTopic(const TaskId& task) const;
  absl::Status Assign();
  std::vector<TaskId> TaskIds() const;
  void WakeAll();
  // How many rows may be handed out now.
  int64_t Allowance() const;

  const FileSourceOptions options_;
  std::map<std::string, std::unique_ptr<Topic>> topics_;
  bool assigned_ = false;  // of Poll's thread
  bool join_again_ = false;
  bool closed_ = false;

  mutable absl::Mutex mutex_;
  absl::Time begun_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  int64_t events_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<TaskId, std::function<void()>> watches_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_FILE_FILE_SOURCE_H_
