// One task: applies the events of one partition to the state of its keys and yields what changed.
// A deterministic function of the partition's records and the definitions (law 1).
//
//   ASSIGN_OR_RETURN(auto task, Task::Open(plan, id, partitions, bounds, std::move(store),
//                                          hot_bytes));
//   task->DeliverTo(sinks);
//   RETURN_IF_ERROR(task->Apply(batch));       // from task->position() + 1 on
//   TaskCut cut = task->Cut(CutOf::kState);    // sinks commit its output, then:
//   RETURN_IF_ERROR(task->Commit(cut));        // the state with its position
//   task->Durable(cut.number);
//
// DeliverTo, Apply, output, Cut and Durable belong to the task's thread; Commit may run on another
// one beside them; Lookup, statistics and clock are for any thread.
#ifndef FOREBAY_ENGINE_TASK_TASK_H_
#define FOREBAY_ENGINE_TASK_TASK_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/batch/event_batch.h"
#include "engine/batch/sink.h"
#include "engine/state/hot_map.h"
#include "engine/state/state_store.h"
#include "engine/task/event_columns.h"
#include "engine/task/known_time_order.h"
#include "engine/task/step_outlet.h"
#include "engine/task/task_plan.h"
#include "engine/task/task_start.h"
#include "engine/task/task_statistics.h"
#include "engine/task/timers.h"
#include "engine/worker/lookup.h"

namespace forebay {

// Outputs are cut more often than states: what replay has to repeat costs less than writing the
// state of a busy key again and again (law 3).
enum class CutOf : uint8_t {
  kOutputs,
  kState,        // and begins to cut the state, unless that is under way
  kStateAtOnce,  // and cuts the state in one go, which takes long where much has changed
};

// Of a view: expiry steps that are due and not written (S6).
struct DueSteps {
  int view = 0;  // index into Project.feature_views
  int64_t steps = 0;
  bool at_least = false;  // too many keys have some: of those beyond, one is counted
};

// What changed of the state since the cut before, up to `position`.
struct StateCut {
  uint64_t number = 0;  // from 1 on
  Offset position{-1};
  std::unique_ptr<StateDelta> delta;
};

// What a task yielded since its last cut, and the cuts of the state that have become whole since:
// to be committed in their order once the sinks hold the output. They are of its position or of
// ones before.
struct TaskCut {
  TaskOutput output;
  bool moved = false;  // the position, since the last cut
  std::vector<StateCut> states;

  // Of the last state; 0: there is none.
  uint64_t number() const { return states.empty() ? 0 : states.back().number; }
};

class Task {
 public:
  // Due expiry steps of each view written per record (S6).
  static constexpr int kStepsPerRecord = 64;

  // Restores the state. `plan` outlives the task; `bounds` are those of its partition, `held` is up
  // to where sinks hold what the task made before. FAILED_PRECONDITION: the store is of another
  // partition count or format, a view changed under the same version (S4), the partition is not the
  // one that was read, or the state is gone and cannot be built whole (S30).
  static absl::StatusOr<std::unique_ptr<Task>> Open(const TaskPlan& plan, TaskId id,
                                                    int partition_count,
                                                    const PartitionBounds& bounds,
                                                    std::unique_ptr<StateStore> store,
                                                    size_t hot_bytes, Offset held = Offset(-1));
  ~Task();

  const TaskId& id() const { return id_; }
  const TaskPlan& plan() const { return plan_; }
  // Of the last record read; -1 before the first. Views may be ahead of it: those pass over what
  // they have. Task's thread only.
  Offset position() const { return position_; }
  // Up to here records were read before the task was opened.
  Offset read_before() const { return read_before_; }
  // Up to where what a partition of the source forwarded has been applied. REQUIRES: the task is of
  // a repartition topic. Task's thread only.
  Offset ReachedOfSource(PartitionId source) const { return order_->reached(source); }

  // Who gets the steps of its views from now on; outlives the task. Before the first Apply.
  void DeliverTo(absl::Span<Sink* const> sinks);

  // Applies a batch that starts after position(). An error means that the task must stop; what was
  // cut before stands.
  absl::Status Apply(const EventBatch& batch);

  // Whether the partition has more records now.
  void SetAtEnd(bool at_end) { output_.at_end = at_end; }

  // What was yielded since the last cut.
  const TaskOutput& output() const { return output_; }
  // About the bytes of that.
  size_t pending_bytes() const;

  TaskCut Cut(CutOf of);
  // Whether states that changed since they were last cut, which cannot leave the hot maps, take
  // more than their share of them; or keys were erased, and are to go from the store soon.
  bool wants_state_cut() const;
  // Goes on with the state cut that is under way, by up to `most_keys`. It has the state at the
  // position where it began, whatever is applied beside it; once whole, the next Cut hands it over.
  // False: there is nothing to go on with.
  bool AdvanceStateCut(size_t most_keys);
  absl::Status Commit(const TaskCut& cut);
  // All up to that state is.
  void Durable(uint64_t cut_number);

  // S7. `view` indexes Project.feature_views and is one of this task's. Any thread.
  absl::StatusOr<ViewRow> Lookup(int view, std::string_view key, std::optional<KnownTime> at) const;

  // The partition clock at position(); nullopt before the first event. Any thread.
  std::optional<KnownTime> clock() const;
  // Every change that is effective before this has been yielded, and none at or after it is sure to
  // be (S6); Min before the first event. Task's thread only.
  KnownTime complete_before() const;
  // Of views that have some, looking at `most_keys` keys each. Task's thread only.
  std::vector<DueSteps> CountDueSteps(size_t most_keys) const;
  // Of its views and its archive, up to position(). Task's thread only.
  std::vector<LastRow> last_rows() const;
  const TaskStatistics& statistics() const { return statistics_; }
  // One per view of the plan. Any thread.
  const std::deque<ViewStatistics>& view_statistics() const { return view_statistics_; }
  // Of the task's views, and of the views of the repartition topics that it feeds. Any thread.
  const std::deque<ViewCoverage>& coverage() const { return coverage_; }
  const std::deque<ExpressionStatistics>& expression_statistics() const { return expressions_; }

 private:
  // One view with its state.
  struct ViewTask {
    ViewTask(const ViewTaskPlan& plan, const EventColumns& of_task, uint32_t stored_id,
             const PartStart& start, ViewCoverage* coverage);

    const ViewTaskPlan& plan;
    std::string prefix;  // of its keys in the store
    const PartStart start;
    ViewCoverage* const coverage;
    std::atomic<int64_t> clock;  // of what it has, for lookups
    ViewColumns columns;
    TileStarts tiles;
    StepOutlet outlet;
    int64_t steps = 0;  // made since the task was opened
    mutable HotMap hot;
    // Of its keys' next steps; where nobody wants those, of when its keys can be forgotten.
    Timers timers;
    std::vector<HotEntry*> entries;  // of the rows of the batch at hand; null: a null key
    int32_t next_ordinal = 0;
    std::optional<Offset> last_row;  // as LastRow.offset
    // Of erased keys nothing is kept, their last effective times neither: new keys start after this
    // one, the latest of them.
    int64_t erased_until = Window::kAlways;
    std::vector<std::string> erased;  // keys, since a state cut last began
  };
  // A view of the store that the plan does not compute (TaskPlan::kept).
  struct Kept {
    std::string stored;  // its StoredView, encoded
    std::string prefix;
  };
  struct Forward {
    const ForwardPlan* plan;
    KeyColumn keys;
    PartStart start;
    std::vector<ViewCoverage*> coverage;  // of the views that it feeds
  };
  struct Archive {
    PartStart start;
    Offset after;         // as LastRow.after
    Offset last_row{-1};  // as LastRow.offset
  };
  enum class Disposition { kApplied, kLate, kRejected, kFiltered };

  Task(const TaskPlan& plan, TaskId id, int partition_count, std::unique_ptr<StateStore> store,
       size_t hot_bytes);

  absl::Status Restore(const PartitionBounds& bounds, Offset held);
  absl::Status RestoreViews(const v1::TaskMeta& meta, const TaskStart& start);
  void RestoreKept(const v1::TaskMeta& meta);
  absl::Status RestoreTimers();
  // Settles which parts are new and from where they count, before anything of them is published:
  // after a crash `--from-now` would mean another now.
  absl::Status KeepMeta();
  absl::Status CheckMeta(const v1::TaskMeta& meta, const PartitionBounds& bounds) const;
  std::string EncodeMeta() const;

  void ApplyRejected(const EventBatch& batch, const std::vector<RejectedRecord>& rejected,
                     Offset end, size_t* next);
  absl::Status ApplyRows(const EventBatch& batch, const std::vector<RejectedRecord>& rejected);
  void ArchiveEvents(const EventBatch& batch);
  void JoinParts();
  void StepTo(Offset offset);
  absl::Status ApplyRecord(const EventBatch& batch, size_t row);
  Disposition ApplyToView(const EventBatch& batch, size_t row, ViewTask* view);
  Disposition ForwardRecord(const EventBatch& batch, size_t row, Forward* forward);
  // Of all views that the topic feeds.
  Disposition RejectForward(const EventBatch& batch, size_t row, const Forward& forward,
                            RejectReason reason, const std::string& why);
  Disposition RejectNullKey(const EventBatch& batch, size_t row, const ViewTask& view);
  Disposition RejectLate(const EventBatch& batch, size_t row, const ViewTask& view,
                         int64_t effective);

  // task_erasure.cc: control records that ask for a key to be forgotten (S31).
  absl::Status ApplyErasures(const EventBatch& batch, size_t row, size_t* next);
  absl::Status ApplyErasure(const KeyErasure& erasure);
  absl::StatusOr<bool> EraseKey(ViewTask* view, const HashedKey& key);
  absl::Status ForwardErasure(const KeyErasure& erasure, const Forward& forward);

  // task_entries.cc: states, in the hot map or from the store.
  absl::Status LoadEntries(ViewTask* view, int64_t rows);
  absl::Status LoadMissing(ViewTask* view, absl::Span<const int64_t> rows);
  absl::StatusOr<std::vector<std::optional<std::string>>> ReadStates(
      const ViewTask& view, absl::Span<const HashedKey* const> keys) const;
  void PrefetchEntries(int64_t row) const;
  static void PrefetchDueSteps(ViewTask* view);
  absl::StatusOr<HotEntry*> Load(ViewTask* view, const Timer& timer);
  absl::StatusOr<HotEntry*> Load(ViewTask* view, const HashedKey& key);
  absl::StatusOr<HotEntry*> InsertEntry(ViewTask* view, const HashedKey& key,
                                        const std::optional<std::string>& bytes);

  // task_steps.cc: which steps become change records, and when those of expiry are made.
  int64_t MakeStepsBefore(ViewTask* view, HotEntry* entry, int64_t effective);
  void AfterEvent(ViewTask* view, HotEntry* entry, int64_t timer_before, int64_t known_time);
  void Expire(ViewTask* view, HotEntry* entry);
  void EmitBefore(ViewTask* view, HotEntry* entry, int64_t t);
  absl::Status WriteDueSteps(ViewTask* view);
  bool WriteDue(ViewTask* view, const Timer& timer, HotEntry* entry);
  void Forget(ViewTask* view, const Timer& timer, HotEntry* entry);
  static void SetTimer(ViewTask* view, HotEntry* entry, int64_t timer_before);
  void AddStep(ViewTask* view, HotEntry* entry, ChangeOp op, int64_t effective, int64_t known_time);
  int64_t CountDueSteps(const ViewTask& view, std::string_view key, int64_t timer) const;
  static int64_t TimerOf(const ViewTaskPlan& plan, const KeyTimes& times);
  static int64_t TimerOf(const ViewTask& view, const HotEntry& entry);

  void AddDeadLetter(const EventBatch& batch, const RawRecord& record, Offset position,
                     RejectReason reason, const v1::FeatureView* view, std::string detail);
  void BeginOutput(bool at_end);
  // Gives what waits for this moment to the sinks, and lets them look at what they cannot hold.
  void GiveNewest(WantedSteps::Which which);
  void PublishStatistics();
  void PublishDueSteps();
  void PublishClocks();

  // task_state_cut.cc: changed states, on their way to the store.
  void CutState(CutOf of, std::vector<StateCut>* whole);
  void TakeWholeState(std::vector<StateCut>* whole);
  void BeginStateCut();
  void CarryEntry(const ViewTask& view, HotEntry* entry);

  const TaskPlan& plan_;
  const TaskId id_;
  const int partition_count_;
  std::string topic_id_;  // empty: not known
  const std::unique_ptr<StateStore> store_;
  const size_t hot_budget_;

  Offset position_{-1};
  Offset read_before_{-1};
  // Past this, a part counts records that has passed over them so far.
  Offset next_join_{-1};
  int64_t clock_ = Window::kAlways;
  std::atomic<int64_t> shared_clock_{Window::kAlways};
  int64_t offset_ = -1;   // of the record at hand, or of that during whose reading it is applied
  int64_t sequence_ = 0;  // orders the records applied
  uint32_t next_view_id_ = 1;
  std::unique_ptr<KnownTimeOrder> order_;  // of a repartition topic
  std::vector<std::string> forgotten_;     // keys of views that are no longer defined
  std::deque<ViewCoverage> coverage_;
  EventColumns columns_;
  std::vector<std::unique_ptr<ViewTask>> views_;
  std::vector<Kept> kept_;
  std::vector<Forward> forwards_;
  std::optional<Archive> archive_;
  std::vector<Sink*> sinks_;
  TaskOutput output_;
  size_t record_bytes_ = 0;  // of the dead letters and forwarded records in it
  Offset cut_position_{-1};
  Offset cut_state_position_{-1};
  uint64_t state_cuts_ = 0;
  std::optional<StateCut> state_cut_;  // that no Cut has handed over yet
  bool state_cut_whole_ = false;
  std::string stored_key_, stored_state_;  // scratch
  TaskStatistics statistics_;
  std::deque<ViewStatistics> view_statistics_;
  std::deque<ExpressionStatistics> expressions_;  // per view: its `where`, then its aggregates
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_TASK_H_
