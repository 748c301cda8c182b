// Views that come while a worker runs are brought up in a lane: a pipeline of their own beside the
// worker's, which reads the same partitions from their oldest records (or first the files of the
// source, where it has some), while the worker goes on with what it has. When the lane has met the
// head of its topics, the worker takes its views over (AdoptLane) and it is gone.
//
// Its states are in a folder of their own in the worker's state folder, so that a worker that is
// killed goes on with it. Rows, updates and positions are those that the worker's own tasks would
// have written: what reads them does not see that there was a lane.
//
//   ASSIGN_OR_RETURN(auto lane, Lane::Start(project, context, worker's pipeline, its consumer));
//   while (...) RETURN_IF_ERROR(lane->Poll());
//   if (lane->has_met_head()) { lane->Stop(); ... }
#ifndef FOREBAY_CLI_LANE_H_
#define FOREBAY_CLI_LANE_H_

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cli/lane_folder.h"
#include "cli/pipeline.h"

namespace forebay {

class Lane {
 public:
  // Of these views alone (with all that they need). `context`: the worker's. `worker` has the tasks
  // whose partitions are read, and outlives the lane, as does `member`, the worker's consumer.
  static absl::StatusOr<std::unique_ptr<Lane>> Start(const v1::Project& project,
                                                     const PipelineContext& context,
                                                     std::shared_ptr<Pipeline> worker,
                                                     KafkaConsumer* member);
  // What is not committed is left to another lane.
  ~Lane();

  // Often, on the thread that polls the worker's consumer. An error ends the lane; one that passes
  // (IsTransient) may be gone when it is started again.
  absl::Status Poll();

  // Nothing but what came in the last moments is lacking.
  bool has_met_head() const { return has_met_head_; }

  struct Progress {
    bool files = false;  // it reads the files yet
    int64_t read = 0;    // records, of
    int64_t all = 0;
    double per_second = 0;
  };
  Progress progress() const;

  // Commits, and ends the tasks; unless they are `lost`, then without a commit.
  absl::Status Stop(bool lost = false);
  // For who takes the views over. REQUIRES: it was stopped.
  std::shared_ptr<LaneFolder> TakeFolder() { return std::move(folder_); }

 private:
  Lane(const v1::Project& project, const PipelineContext& context, std::shared_ptr<Pipeline> worker,
       KafkaConsumer* member);

  void ReadFiles();
  absl::Status FollowTopics();
  std::vector<TaskId> TasksToRead() const;
  absl::Status LookForHead();

  const v1::Project project_;
  PipelineContext context_;
  StoreLimits limits_;
  const std::shared_ptr<Pipeline> worker_;
  KafkaConsumer* const member_;
  const std::filesystem::path state_;

  std::atomic<bool> stop_{false};
  absl::Mutex files_mutex_;
  std::optional<absl::Status> files_ ABSL_GUARDED_BY(files_mutex_);  // once all are read
  std::thread files_thread_;

  std::shared_ptr<LaneFolder> folder_;
  std::unique_ptr<KafkaConsumer> consumer_;
  std::unique_ptr<Pipeline> pipeline_;  // null: the files are being read
  std::map<TaskId, Offset> goal_;       // ends of the partitions
  absl::Time goal_time_ = absl::InfinitePast();
  absl::Time next_look_ = absl::InfinitePast();
  std::map<TaskId, Offset> first_;  // positions when it began
  absl::Time began_;
  bool has_met_head_ = false;
};

}  // namespace forebay

#endif  // FOREBAY_CLI_LANE_H_
