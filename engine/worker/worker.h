// Runs tasks on threads, commits them, and answers lookups from their state.
//
//   Worker worker(project, plans, partition_counts, options, source, sinks, open_store, clock);
//   worker.Start();
//   positions = worker.AddTasks({{"transactions", 0}, ...});   // the source reads on from there
//   ...
//   worker.RemoveTasks(tasks, /*lost=*/false);                 // committed to the last record
//   absl::Status why = worker.Stop();
//
// One thread per `threads` applies events; a commit thread cuts all tasks every `commit_interval`,
// and lets every sink make the cuts durable; every `state_interval` then a task's state, too (law
// 3), one task after the other. Tasks go on meanwhile. While all are behind, with more records
// there than they have read, nobody waits for single ones: cuts then come every `behind_interval`,
// or when a task holds `commit_bytes`, so that more steps of a key become one update (S36).
//
// Threads sleep until there is something to do: a source wakes them (Source::Watch), or a cut.
//
// An error that passes (IsTransient) makes the worker lose its tasks, as when the group has given
// them to others: nothing of them is committed any more, lookups go on reading them as they stand,
// and setback() says why. Whoever runs the worker then takes them away and adds them again: they
// are opened from what is durable, and the rest is replayed. Any other error stops the worker
// without a further commit, and a restart does the same. Thread-safe.
#ifndef FOREBAY_ENGINE_WORKER_WORKER_H_
#define FOREBAY_ENGINE_WORKER_WORKER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/batch/sink.h"
#include "engine/task/task_plan.h"
#include "engine/worker/clock.h"
#include "engine/worker/clock_watch.h"
#include "engine/worker/lookup.h"
#include "engine/worker/running_task.h"
#include "engine/worker/source.h"
#include "engine/worker/wakeup.h"

namespace forebay {

struct WorkerOptions {
  int threads = 2;
  absl::Duration commit_interval = absl::Milliseconds(200);
  absl::Duration behind_interval = absl::Seconds(2);
  absl::Duration state_interval = absl::Seconds(10);
  size_t commit_bytes = size_t{16} << 20;  // a task with more than this pending waits for a commit
  size_t hot_bytes = size_t{1} << 30;      // of all hot maps together
  size_t batch_records = 4096;
  // A task is right when at most so many of the records lack that its partition held at its start.
  int64_t ready_lag = 0;
  Whereabouts whereabouts;
  // Told of a record that put its partition's clock ahead of the wall clock. [task threads]
  std::function<void(const ClockAhead&)> clock_ahead;
  // Told the first error, on the thread that met it.
  std::function<void(const absl::Status&)> failed;
};

// What a task left unwritten when it was taken away: no record came to write it.
struct UnwrittenSteps {
  TaskId task;
  DueSteps due;
  KnownTime complete_before;  // what it has written, as of TaskOutput.complete_before
};

struct WorkerStatistics {
  std::atomic<int64_t> commits{0};
  std::atomic<int64_t> commit_micros{0};  // spent in commits, in all
  std::atomic<int64_t> last_commit{0};  // when it ended, wall clock, microseconds UTC; 0: none yet
};

class Worker {
 public:
  // Called from several threads.
  using OpenStore = std::function<absl::StatusOr<std::unique_ptr<StateStore>>(const TaskId&)>;

  // How many partitions each topic of `plans` has, by topic.
  using PartitionCounts = absl::flat_hash_map<std::string, int>;

  // All pointers and references outlive the worker. Sinks are committed in their order.
  Worker(const v1::Project& project, const std::vector<TaskPlan>& plans,
         PartitionCounts partition_counts, WorkerOptions options, Source* source,
         std::vector<Sink*> sinks, OpenStore open_store, const Clock* clock);
  ~Worker();

  void Start();

  // Restores the tasks' states; returns the position of each, in order. The tasks begin to read
  // when the source has them. After an error that passes none is added, and the call may be
  // repeated; meanwhile lookups go on reading what was removed.
  absl::StatusOr<std::vector<std::optional<Offset>>> AddTasks(absl::Span<const TaskId> tasks);

  // Ends these tasks; commits them first unless they are `lost`: the group may have given them to
  // others. Lookups go on reading them, as they stood, until the next AddTasks. After an error that
  // passes they are ended all the same, and what was not committed will be replayed.
  absl::Status RemoveTasks(absl::Span<const TaskId> tasks, bool lost);

  // Ends all tasks with a commit, and the threads, for another worker of this process that opens
  // them next: sinks let go of what they have not written on (a change log stays where it is).
  // Lookups here go on reading the tasks, as they stood, until Stop.
  absl::Status HandOver();

  // Of the tasks that were taken away, committed, since they were last added.
  std::vector<UnwrittenSteps> Unwritten() const;

  // Commits all that has been applied before the call: the sinks, and the states of all tasks, or
  // (kOutputs) of those whose turn it is.
  absl::Status Commit(CutOf of = CutOf::kStateAtOnce);

  // Ends all tasks with a commit, and the threads. The first error, if there was one.
  absl::Status Stop();

  // Stops the worker as an error of its own would. The first error counts.
  void Fail(const absl::Status& status);

  // OK while the worker works.
  absl::Status status() const;

  // Why tasks were lost that are still here: they are to be taken away and added again. OK: none.
  absl::Status setback() const;

  // Lookup by engine/worker/lookup.h.
  absl::StatusOr<ViewRow> Lookup(int view, std::string_view key, std::optional<KnownTime> at) const;

  // OK when the tasks that are this worker's are known, and each has caught up (CatchUpGoal): no
  // lookup answers less than before a crash, or without what was there at the start. Other workers
  // may have other partitions.
  absl::Status Ready() const;
  // Whether every partition of every topic has its task here.
  bool HasAllTasks() const;

  std::vector<std::shared_ptr<const RunningTask>> Tasks() const;
  const WorkerStatistics& statistics() const { return statistics_; }

 private:
  using TaskPtr = std::shared_ptr<RunningTask>;
  struct TaskThread {
    absl::Mutex mutex;
    std::vector<TaskPtr> tasks ABSL_GUARDED_BY(mutex);
    // Held while the thread works on its tasks: who has it knows that none of them is being worked
    // on.
    absl::Mutex working;
    const std::shared_ptr<Wakeup> wakeup = std::make_shared<Wakeup>();
    std::thread thread;
  };

  enum class Leaving : uint8_t { kCommitted, kHandedOver, kLost };
  absl::Status Remove(absl::Span<const TaskId> ids, Leaving leaving);
  void EndThreads();
  void RunTasks(TaskThread* thread);
  // Lets a task do what there is to do; whether there may be more.
  bool Advance(const TaskPtr& task);
  absl::Status ApplyNext(RunningTask* task, bool* advanced);
  void RunCommits();
  // Until a commit is due, the last of which was at `last`, or the worker stops.
  void AwaitCommit(absl::Time last);
  // For AwaitCommit.
  enum class Wanted : uint8_t { kNothing, kInTime, kAtOnce };
  void WantCommit(Wanted wanted);
  void WakeThreads();
  // Those that are lost are left out: what they hold must not become durable.
  absl::Status CommitTasks(std::vector<TaskPtr> tasks, CutOf of)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_);
  absl::Status CommitOutputs(absl::Span<const TaskOutput* const> outputs)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_);
  void NoteUnwritten(const Task& task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_);
  void ForgetTasks(const std::function<bool(const TaskPtr&)>& leaves);
  absl::StatusOr<std::vector<TaskPtr>> OpenTasks(absl::Span<const TaskId> ids)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_);
  absl::StatusOr<TaskPtr> OpenTask(const TaskId& id, const PartitionBounds& bounds, Offset held,
                                   const std::vector<Offset>& source_ends);
  // A task that ForgetTasks can wait for.
  TaskPtr NewRunningTask(std::unique_ptr<Task> task, CatchUpGoal goal);
  TaskThread& ThreadOf(const TaskId& task) const;
  // The ends, by partition, of each topic that feeds a repartition topic of these tasks.
  absl::StatusOr<std::map<std::string, std::vector<Offset>>> SourceEnds(
      absl::Span<const TaskId> ids) const;
  void WatchClock(RunningTask* task, const EventBatch& batch);
  // What is answered of a key that is in none of `tasks`, which do not have all partitions.
  absl::StatusOr<ViewRow> AnswerMissing(int view, std::string_view key,
                                        absl::Span<const TaskPtr> tasks, ViewRow missing) const;
  // Loses `tasks` where the error passes, else fails.
  void FailOrLose(absl::Span<const TaskPtr> tasks, const absl::Status& status);
  absl::StatusOr<std::vector<Offset>> OpenSinks(absl::Span<const TaskId> ids);
  void LoseInSinks(absl::Span<const TaskId> ids);
  absl::Status CommitLeaving(const std::vector<TaskPtr>& tasks)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_);
  std::vector<TaskPtr> FindTasks(absl::Span<const TaskId> ids) const;
  const TaskPlan* PlanOf(std::string_view topic) const;

  const std::vector<TaskPlan>& plans_;
  const PartitionCounts partition_counts_;
  const WorkerOptions options_;
  Source* const source_;
  const std::vector<Sink*> sinks_;
  const OpenStore open_store_;
  const Clock* const clock_;
  std::vector<const TaskPlan*> plan_of_view_;  // by index into Project.feature_views
  int task_count_ = 0;                         // when all are here

  std::vector<std::unique_ptr<TaskThread>> threads_;
  std::thread commit_thread_;
  bool stopped_ = false;
  std::atomic<bool> stopping_{false};
  WorkerStatistics statistics_;

  absl::Mutex wanted_mutex_;
  Wanted wanted_ ABSL_GUARDED_BY(wanted_mutex_) = Wanted::kNothing;

  absl::Mutex existing_mutex_;
  absl::flat_hash_set<const RunningTask*> existing_ ABSL_GUARDED_BY(existing_mutex_);

  mutable absl::Mutex commit_mutex_;  // one commit at a time; before tasks_mutex_

  std::vector<UnwrittenSteps> unwritten_ ABSL_GUARDED_BY(commit_mutex_);

  mutable absl::Mutex tasks_mutex_;
  absl::flat_hash_map<std::string, std::vector<TaskPtr>> tasks_
      ABSL_GUARDED_BY(tasks_mutex_);  // by topic
  // The tasks are those that the group has given to this worker.
  bool assigned_ ABSL_GUARDED_BY(tasks_mutex_) = false;
  mutable absl::Mutex status_mutex_;
  absl::Status status_ ABSL_GUARDED_BY(status_mutex_);
  absl::Status setback_ ABSL_GUARDED_BY(status_mutex_);
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_WORKER_WORKER_H_
