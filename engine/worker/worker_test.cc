// The worker with a source, sinks and stores in memory: what is committed when, and what a crash
// at any commit leaves behind (law 3).
#include "engine/worker/worker.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "absl/time/clock.h"
#include "engine/worker/worker_testing.h"
#include "forebay/v1/definition.pb.h"
#include "forebay/v1/state.pb.h"

namespace forebay {
namespace {

TEST(Worker, ACrashAtAnyCommitLosesNothingAndRepeatsNothing) {
  constexpr int64_t kRecords = 400;
  Disk straight;
  {
    Life life(&straight, kRecords);
    life.Finish();
    ASSERT_TRUE(life.worker().Stop().ok());
  }
  absl::MutexLock lock(&straight.mutex);
  ASSERT_EQ(straight.rows.size(), static_cast<size_t>(kPartitions));
  // States with every commit, now and then, and only when the worker stops.
  for (absl::Duration states : {absl::Milliseconds(1), absl::Milliseconds(4), absl::Hours(1)}) {
    for (bool after : {false, true}) {
      Disk disk;
      for (int crash_at = 1; crash_at < 8; ++crash_at) {
        Life life(&disk, kRecords, crash_at, after, absl::StatusCode::kInternal, states);
        life.Finish();
        life.worker().Stop().IgnoreError();
      }
      Life life(&disk, kRecords);
      life.Finish();
      ASSERT_TRUE(life.worker().Stop().ok());
      absl::MutexLock disk_lock(&disk.mutex);
      EXPECT_EQ(disk.rows, straight.rows);
      EXPECT_EQ(disk.states, straight.states);
      EXPECT_EQ(disk.metas, straight.metas);
    }
  }
}

// As where nothing ever failed.
void ExpectStraight(Disk& disk, int64_t records) {
  Disk straight;
  Life life(&straight, records);
  life.Finish();
  ASSERT_TRUE(life.worker().Stop().ok());
  absl::MutexLock lock(&disk.mutex);
  absl::MutexLock straight_lock(&straight.mutex);
  EXPECT_EQ(disk.rows, straight.rows);
  EXPECT_EQ(disk.states, straight.states);
  EXPECT_EQ(disk.metas, straight.metas);
}

// ABORTED: the group has given the tasks to others while the worker was away.
TEST(Worker, TasksThatWereLostAreReplayedWhenTheyComeBack) {
  constexpr int64_t kRecords = 400;
  for (absl::StatusCode code : {absl::StatusCode::kAborted, absl::StatusCode::kUnavailable}) {
    for (bool after : {false, true}) {
      Disk disk;
      Life life(&disk, kRecords, /*crash_at=*/1, after, code);
      while (life.worker().setback().ok()) life.worker().Commit().IgnoreError();
      EXPECT_EQ(life.worker().setback().code(), code);
      EXPECT_EQ(life.RemoveTasks(/*lost=*/true), absl::OkStatus());
      EXPECT_EQ(life.worker().setback(), absl::OkStatus());
      // Lookups go on, but the worker is not ready.
      EXPECT_TRUE(life.worker().Lookup(0, "k3", std::nullopt).ok());
      EXPECT_EQ(life.worker().Ready().code(), absl::StatusCode::kUnavailable);
      life.AddTasks();
      life.Finish();
      EXPECT_EQ(life.worker().Stop(), absl::OkStatus());
      ExpectStraight(disk, kRecords);
    }
  }
}

TEST(Worker, AnOutsideThatIsAwayIsWaitedForWhileTasksComeAndGo) {
  constexpr int64_t kRecords = 400;
  const absl::Status away = absl::UnavailableError("away");
  Disk disk;
  // Only the calls of this test commit.
  Life life(&disk, kRecords, /*crash_at=*/0, /*after=*/false, absl::StatusCode::kInternal,
            absl::Hours(1), absl::Hours(1), /*pause_at=*/200);
  while (!life.worker().Lookup(0, "k3", std::nullopt)->found) absl::SleepFor(absl::Milliseconds(1));
  life.sink().SetAway(away);
  EXPECT_EQ(life.RemoveTasks(/*lost=*/false), away);
  EXPECT_EQ(life.worker().AddTasks(Life::TaskIds()).status(), away);
  EXPECT_EQ(life.worker().status(), absl::OkStatus());
  EXPECT_TRUE(life.worker().Lookup(0, "k3", std::nullopt)->found);
  EXPECT_EQ(life.worker().Ready().code(), absl::StatusCode::kUnavailable);
  life.sink().SetAway(absl::OkStatus());
  life.AddTasks();
  life.Resume();
  life.Finish();
  EXPECT_EQ(life.worker().Stop(), absl::OkStatus());
  ExpectStraight(disk, kRecords);
}

TEST(Worker, ASinkThatNeedsHelpWhileTasksLeaveStopsTheWorker) {
  Disk disk;
  Life life(&disk, 100);
  life.Finish();
  life.sink().SetAway(absl::FailedPreconditionError("help"));
  EXPECT_FALSE(life.RemoveTasks(/*lost=*/false).ok());
  EXPECT_EQ(life.worker().status(), absl::FailedPreconditionError("help"));
}

// At most that its views are new: no key, and no position.
bool KeepsNoRecord(const Disk& disk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk.mutex) {
  for (const auto& [task, state] : disk.states) {
    if (!state.empty()) return false;
  }
  for (const auto& [task, bytes] : disk.metas) {
    v1::TaskMeta meta;
    if (!meta.ParseFromString(bytes) || meta.position() != -1) return false;
  }
  return true;
}

TEST(Worker, WithoutItsLastOutputsNoStateIsKept) {
  Disk disk;
  Life life(&disk, 10, /*crash_at=*/1, /*after=*/false, absl::StatusCode::kAborted, absl::Hours(1),
            absl::Hours(1));
  life.Finish();
  EXPECT_TRUE(absl::IsAborted(life.worker().Stop()));
  absl::MutexLock lock(&disk.mutex);
  EXPECT_TRUE(disk.rows.empty());
  EXPECT_TRUE(KeepsNoRecord(disk));
}

TEST(Worker, WithNothingNewACommitIsNone) {
  Disk disk;
  Life life(&disk, 10);
  life.Finish();
  ASSERT_TRUE(life.worker().Commit().ok());
  int64_t commits = life.worker().statistics().commits;
  EXPECT_GT(commits, 0);
  ASSERT_TRUE(life.worker().Commit().ok());
  EXPECT_EQ(life.worker().statistics().commits, commits);
}

TEST(Worker, StopsAtTheFirstErrorOfASinkAndSaysIt) {
  Disk disk;
  Life life(&disk, 1000, /*crash_at=*/1);
  life.Finish();
  EXPECT_EQ(life.worker().Stop(), absl::InternalError("crash before"));
  absl::MutexLock lock(&disk.mutex);
  EXPECT_TRUE(KeepsNoRecord(disk));
}

TEST(Worker, LookupsRunBesideTheTasks) {
  Disk disk;
  Life life(&disk, 3000);
  int64_t found = 0;
  while (life.worker().status().ok() && !life.worker().Tasks()[0]->at_end()) {
    for (int key = 0; key < 7; ++key) {
      auto row = life.worker().Lookup(0, "k" + std::to_string(key), std::nullopt);
      ASSERT_TRUE(row.ok()) << row.status();
      found += row->found;
    }
  }
  life.Finish();
  auto row = life.worker().Lookup(0, "k3", KnownTime(3000 * kSecond)).value();
  // One event every seven seconds, in tiles of six seconds; the window reaches back 60 to 66.
  EXPECT_TRUE(row.found);
  EXPECT_EQ(std::get<int64_t>(row.values[0]), 9);
  EXPECT_FALSE(life.worker().Lookup(0, "k3", KnownTime(9000 * kSecond)).value().found);
  EXPECT_FALSE(life.worker().Lookup(0, "no such key", std::nullopt).value().found);
  EXPECT_TRUE(life.worker().Stop().ok());
  EXPECT_GT(found, 0);
}

// While a batch loads its keys, a lookup must not take a key that is being loaded for a missing
// one.
TEST(Worker, AKeyIsNotMissedWhileItIsLoaded) {
  Disk disk;
  {
    Life life(&disk, 100);
    life.Finish();
    ASSERT_TRUE(life.worker().Stop().ok());
  }
  const v1::Project project = MakeProject();
  const std::vector<TaskPlan> plans = PlanTasks(project).value();
  EndlessSource source(plans[0], 110, 110);
  const TaskId id{"events", PartitionId(0)};
  source.StartAt(id, Offset(99));
  auto task = Task::Open(plans[0], id, kPartitions, {.next = Offset::Max()},
                         std::make_unique<DiskStore>(&disk, id), 1 << 20)
                  .value();
  int lookups = 0;
  disk.during_multi_get = [&] {
    ++lookups;
    EXPECT_TRUE(task->Lookup(0, "k3", std::nullopt).value().found);
  };
  ASSERT_TRUE(task->Apply(source.Next(id, 10, absl::ZeroDuration()).value()).ok());
  EXPECT_EQ(lookups, 1);
}

// Rows of it are with the sinks, perhaps, when the worker is killed: they must go on, not begin
// anew.
TEST(Worker, AViewFromNowOnKeepsItsNowWhenTheWorkerIsKilled) {
  const v1::Project project = MakeProject();
  const TaskId id{"events", PartitionId(0)};
  std::vector<TaskPlan> plans = PlanTasks(project).value();
  Disk disk;
  auto open = [&](Offset next) {
    return Task::Open(plans[0], id, kPartitions, {.next = next},
                      std::make_unique<DiskStore>(&disk, id), 1 << 20);
  };
  StartFromNow({&project.feature_views(0)}, &plans);
  EXPECT_EQ(open(Offset(50)).value()->position(), Offset(49));
  EXPECT_EQ(open(Offset(80)).value()->position(), Offset(49));
  StartFromNow({}, &plans);
  EXPECT_EQ(open(Offset(90)).value()->position(), Offset(49));
}

TEST(Worker, IsReadyAgainWhenItHasReplayedWhatTheSinksHold) {
  Disk disk;
  const std::vector<TaskId> tasks = Life::TaskIds();
  {
    absl::MutexLock lock(&disk.mutex);
    disk.held = {{tasks[0], Offset(49)}, {tasks[1], Offset(50)}, {tasks[2], Offset(1000)}};
  }
  Life life(&disk, 60, /*crash_at=*/0, /*after=*/false, absl::StatusCode::kOk,
            absl::Milliseconds(1), absl::Milliseconds(1), /*pause_at=*/50);
  auto at_pause = [&](const auto& task) { return task->position() == Offset(49); };
  auto running = life.worker().Tasks();
  while (!std::all_of(running.begin(), running.end(), at_pause))
    absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(
      life.worker().Ready().message(),
      "2 of 3 tasks read again what came after their last state was written, or what a new view "
      "lacks");
  life.Resume();
  life.Finish();
  EXPECT_EQ(life.worker().Ready(), absl::OkStatus());
}

// Partition 0 of the repartition topic, in three batches: a record that waits for the source's
// partition 1, a marker of that alone, a record that is due at once.
class ThreeBatches final : public Source {
 public:
  explicit ThreeBatches(const TaskPlan& plan) : plan_(plan) {}

  absl::StatusOr<PartitionBounds> Bounds(const TaskId&) override {
    return PartitionBounds{.next = Offset(3)};
  }

  absl::StatusOr<EventBatch> Next(const TaskId&, size_t, absl::Duration) override {
    absl::MutexLock lock(&mutex_);
    EventBatch batch;
    arrow::StringBuilder keys;
    if (next_ == 1) {
      batch.markers.push_back({.offset = Offset(1),
                               .partition = PartitionId(1),
                               .position = Offset(0),
                               .clock = KnownTime(9 * kSecond)});
    } else if (next_ < 3) {
      EXPECT_TRUE(keys.Append("k").ok());
      batch.records.push_back({.offset = Offset(next_)});
      batch.event_times.push_back(EventTime(next_ * kSecond));
      batch.known_times.push_back(KnownTime(next_ * kSecond));
      batch.origins.push_back({PartitionId(0), Offset(next_), KnownTime(next_ * kSecond)});
    }
    batch.at_end = next_ == 3;
    next_ = std::min<int64_t>(next_ + 1, 3);
    batch.last_offset = Offset(next_ - 1);
    batch.columns =
        arrow::RecordBatch::Make(plan_.event_schema, keys.length(), {keys.Finish().ValueOrDie()});
    return batch;
  }

 private:
  const TaskPlan& plan_;
  absl::Mutex mutex_;
  int64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
};

class OfferedSink final : public Sink {
 public:
  absl::StatusOr<Offset> Open(const TaskId&) override { return Offset(-1); }
  absl::Status Offer(const TaskOutput& output) override {
    Add(output, &offered_);
    return absl::OkStatus();
  }
  absl::Status Commit(absl::Span<const TaskOutput* const> outputs) override {
    for (const TaskOutput* output : outputs) Add(*output, &committed_);
    return absl::OkStatus();
  }

  // Once the worker has stopped.
  const std::vector<std::string>& offered() const { return offered_; }
  const std::vector<std::string>& committed() const { return committed_; }

 private:
  static void Add(const TaskOutput& output, std::vector<std::string>* rows) {
    for (const ChangeBatch& batch : output.changes) {
      for (std::string& row : DescribeRows(batch.rows)) rows->push_back(std::move(row));
    }
  }

  std::vector<std::string> offered_;    // task thread
  std::vector<std::string> committed_;  // commit thread, or who stops the worker
};

// A sink that publishes at once takes what it is not offered for published.
TEST(Worker, OffersWhatAMarkerReleases) {
  v1::Project project = MakeProject();
  v1::Source& source = *project.mutable_sources(0);
  *source.mutable_key(0) = "other";
  *source.add_schema() = source.schema(0);
  source.mutable_schema(1)->set_name("other");
  const std::vector<TaskPlan> plans = PlanTasks(project).value();
  const TaskPlan& repartition = plans[0].repartition ? plans[0] : plans[1];
  ThreeBatches batches(repartition);
  OfferedSink sink;
  FixedClock clock;
  Disk disk;
  Worker worker(
      project, plans, {{"events", 2}, {repartition.topic, 2}}, {.threads = 1}, &batches, {&sink},
      [&disk](const TaskId& task) -> absl::StatusOr<std::unique_ptr<StateStore>> {
        return std::make_unique<DiskStore>(&disk, task);
      },
      &clock);
  worker.Start();
  ASSERT_TRUE(worker.AddTasks({{repartition.topic, PartitionId(0)}}).ok());
  while (worker.status().ok() && !worker.Tasks()[0]->at_end())
    absl::SleepFor(absl::Milliseconds(1));
  ASSERT_EQ(worker.Stop(), absl::OkStatus());
  EXPECT_EQ(sink.committed(), (std::vector<std::string>{"1/0", "2/0"}));
  EXPECT_EQ(sink.offered(), sink.committed());
}

TEST(Worker, IsReadyWhenAllPartitionsAreHere) {
  Disk disk;
  Life life(&disk, 10);
  life.Finish();
  EXPECT_TRUE(life.worker().Ready().ok());
  ASSERT_TRUE(life.worker().RemoveTasks({{"events", PartitionId(1)}}, /*lost=*/false).ok());
  EXPECT_EQ(life.worker().Ready().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(life.worker().Lookup(0, "no such key", std::nullopt).status().code(),
            absl::StatusCode::kUnavailable);
  absl::MutexLock lock(&disk.mutex);
  EXPECT_EQ(disk.held.at({"events", PartitionId(1)}), Offset(9));
}

}  // namespace
}  // namespace forebay
