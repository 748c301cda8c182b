// The worker with a source, sinks and stores in memory: what is committed when, and what a crash
// at any commit leaves behind (law 3).
#include "engine/worker/worker.h"

#include <arrow/api.h>
#include <fmt/format.h>
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

// Reads 50 of 60 records of each partition, and the rest after Resume.
class Halfway {
 public:
  explicit Halfway(Disk* disk, int64_t ready_lag = 0)
      : life_(disk, 60, /*crash_at=*/0, /*after=*/false, absl::StatusCode::kOk,
              absl::Milliseconds(1), absl::Milliseconds(1), /*pause_at=*/50, ready_lag) {
    auto at_pause = [](const auto& task) { return task->position() == Offset(49); };
    auto running = life_.worker().Tasks();
    while (!std::all_of(running.begin(), running.end(), at_pause))
      absl::SleepFor(absl::Milliseconds(1));
  }

  absl::Status Ready() { return life_.worker().Ready(); }
  void Finish() {
    life_.Resume();
    life_.Finish();
  }

 private:
  Life life_;
};

TEST(Worker, IsReadyAgainWhenItHasReplayedWhatTheSinksHold) {
  Disk disk;
  const std::vector<TaskId> tasks = Life::TaskIds();
  {
    absl::MutexLock lock(&disk.mutex);
    disk.held = {{tasks[0], Offset(49)}, {tasks[1], Offset(50)}, {tasks[2], Offset(1000)}};
  }
  Halfway halfway(&disk, /*ready_lag=*/10);
  EXPECT_EQ(halfway.Ready().message(),
            "2 of the 3 partitions on this worker are not read up to where they ended when it got "
            "them: 961 records to go, 951 of them in events/2");
  halfway.Finish();
  EXPECT_EQ(halfway.Ready(), absl::OkStatus());
}

TEST(Worker, IsReadyWhenItHasReadWhatWasThereAtTheStart) {
  Disk disk;
  Halfway halfway(&disk);
  EXPECT_EQ(halfway.Ready().message(),
            "3 of the 3 partitions on this worker are not read up to where they ended when it got "
            "them: 30 records to go, 10 of them in events/0");
  halfway.Finish();
  EXPECT_EQ(halfway.Ready(), absl::OkStatus());
}

TEST(Worker, IsReadyWhileNoMoreThanTheReadyLagLacks) {
  Disk lag_9, lag_10;
  EXPECT_FALSE(Halfway(&lag_9, /*ready_lag=*/9).Ready().ok());
  EXPECT_EQ(Halfway(&lag_10, /*ready_lag=*/10).Ready(), absl::OkStatus());
}

// Partition 0 of the repartition topic, in three batches: a record that waits for the source's
// partition 1, a marker of that alone, a record that is due at once.
class ThreeBatches final : public TestSource {
 public:
  // `source_next`: of both partitions of the source.
  explicit ThreeBatches(const TaskPlan& plan, Offset source_next = Offset(3))
      : plan_(plan), source_next_(source_next) {}

  absl::StatusOr<PartitionBounds> Bounds(const TaskId& task) override {
    return PartitionBounds{.next = task.topic == plan_.topic ? Offset(3) : source_next_};
  }

  void Watch(const TaskId&, std::function<void()>) override {}

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
  const Offset source_next_;
  absl::Mutex mutex_;
  int64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
};

class OfferedSink final : public Sink {
 public:
  WantedSteps Wants(int) const override { return {WantedSteps::Which::kEvery}; }
  std::unique_ptr<SinkPart> Prepare(const TaskId&) override { return std::make_unique<Steps>(); }
  absl::StatusOr<Offset> Open(const TaskId&) override { return Offset(-1); }
  absl::Status Offer(const TaskOutput& output) override {
    const std::vector<std::string>& steps = output.PartOf<Steps>(this)->steps;
    offered_.insert(offered_.end(), steps.begin() + static_cast<int64_t>(in_output_), steps.end());
    in_output_ = steps.size();
    return absl::OkStatus();
  }
  absl::Status Commit(absl::Span<const TaskOutput* const> outputs) override {
    for (const TaskOutput* output : outputs) {
      const std::vector<std::string>& steps = output->PartOf<Steps>(this)->steps;
      committed_.insert(committed_.end(), steps.begin(), steps.end());
    }
    return absl::OkStatus();
  }

  // Once the worker has stopped.
  const std::vector<std::string>& offered() const { return offered_; }
  const std::vector<std::string>& committed() const { return committed_; }

 private:
  // "offset/ordinal" of each.
  struct Steps final : SinkPart {
    void Take(int, const Change& change, const Scalar*) override {
      steps.push_back(fmt::format("{}/{}", change.offset, change.ordinal));
    }
    size_t bytes() const override { return 0; }
    std::vector<std::string> steps;
  };

  // Task thread.
  std::vector<std::string> offered_;
  size_t in_output_ = 0;                // of the output that grows; there is one
  std::vector<std::string> committed_;  // commit thread, or who stops the worker
};

// A worker with a partition of a repartition topic, at its end.
class Repartitioned {
 public:
  explicit Repartitioned(Offset source_next = Offset(3), WorkerOptions options = {.threads = 1})
      : batches_(plan_, source_next),
        worker_(
            project_, plans_, {{"events", 2}, {plan_.topic, 2}}, std::move(options), &batches_,
            {&sink_},
            [this](const TaskId& task) -> absl::StatusOr<std::unique_ptr<StateStore>> {
              return std::make_unique<DiskStore>(&disk_, task);
            },
            &clock_) {
    worker_.Start();
    EXPECT_TRUE(worker_.AddTasks({{plan_.topic, PartitionId(0)}}).ok());
    while (worker_.status().ok() && !worker_.Tasks()[0]->at_end())
      absl::SleepFor(absl::Milliseconds(1));
  }

  Worker& worker() { return worker_; }
  const OfferedSink& sink() const { return sink_; }

 private:
  static v1::Project MakeRepartitioned() {
    v1::Project project = MakeProject();
    v1::Source& source = *project.mutable_sources(0);
    *source.mutable_key(0) = "other";
    *source.add_schema() = source.schema(0);
    source.mutable_schema(1)->set_name("other");
    return project;
  }

  const v1::Project project_ = MakeRepartitioned();
  const std::vector<TaskPlan> plans_ = PlanTasks(project_).value();
  const TaskPlan& plan_ = plans_[0].repartition ? plans_[0] : plans_[1];
  ThreeBatches batches_;
  OfferedSink sink_;
  FixedClock clock_;
  Disk disk_;
  Worker worker_;
};

// A sink that publishes at once takes what it is not offered for published.
TEST(Worker, OffersWhatAMarkerReleases) {
  Repartitioned life;
  ASSERT_EQ(life.worker().Stop(), absl::OkStatus());
  EXPECT_EQ(life.sink().committed(), (std::vector<std::string>{"1/0", "2/0"}));
  EXPECT_EQ(life.sink().offered(), life.sink().committed());
}

// Of partition 1 of the source, a marker has told of offset 0 only.
TEST(Worker, IsReadyWhenTheSourcesHaveForwardedWhatTheyHeldAtTheStart) {
  EXPECT_EQ(Repartitioned(Offset(1)).worker().Ready(), absl::OkStatus());
  EXPECT_EQ(Repartitioned(Offset(2)).worker().Ready().message(),
            "1 of the 1 partitions on this worker wait for what the tasks of their source forward");
}

// Where forebay has not chosen the partition of a key, it may be in any that is not here.
TEST(Worker, SaysWhoMayHaveAKeyThatIsNotHere) {
  WorkerOptions options{.threads = 1};
  options.whereabouts.owners_of = [](absl::Span<const TaskId> tasks) {
    std::string text = "ask for";
    for (const TaskId& task : tasks) text += " " + std::to_string(task.partition.value());
    return text;
  };
  Repartitioned life(Offset(1), options);
  EXPECT_TRUE(life.worker().Lookup(0, "k", std::nullopt)->found);
  EXPECT_EQ(life.worker().Lookup(0, "x", std::nullopt).status(),
            absl::UnavailableError("1 of the 2 partitions of test.events.by.thing are not on this "
                                   "worker (yet), and the key is not in the others: ask for 1"));
}

TEST(Worker, KnowsThatAKeyIsMissingWhereItsPartitionIsKnown) {
  WorkerOptions options{.threads = 1};
  options.whereabouts.partition_of = [](int, std::string_view key, int) {
    return PartitionId(key == "here" ? 0 : 1);
  };
  Repartitioned life(Offset(1), options);
  EXPECT_FALSE(life.worker().Lookup(0, "here", std::nullopt)->found);
  EXPECT_EQ(life.worker().Lookup(0, "there", std::nullopt).status(),
            absl::UnavailableError("the key is in partition 1 of test.events.by.thing, which is "
                                   "not on this worker (yet)"));
}

TEST(Task, GoesOnInTheTopicThatItsStateIsOfAlone) {
  const v1::Project project = MakeProject();
  const std::vector<TaskPlan> plans = PlanTasks(project).value();
  const TaskId id{"events", PartitionId(0)};
  Disk disk;
  auto open = [&](const std::string& topic_id) {
    return Task::Open(plans[0], id, kPartitions, {.next = Offset(10), .topic_id = topic_id},
                      std::make_unique<DiskStore>(&disk, id), size_t{1} << 20, Offset(-1))
        .status();
  };
  ASSERT_EQ(open("first"), absl::OkStatus());
  EXPECT_EQ(open("second"), absl::OkStatus()) << "nothing was read of the first";
  v1::TaskMeta meta;
  {
    absl::MutexLock lock(&disk.mutex);
    ASSERT_TRUE(meta.ParseFromString(disk.metas.at(id)));
    EXPECT_EQ(meta.topic_id(), "first");
    meta.set_position(5);
    meta.mutable_views(0)->set_position(5);
    disk.metas[id] = meta.SerializeAsString();
  }
  EXPECT_EQ(open("first"), absl::OkStatus());
  EXPECT_EQ(open(""), absl::OkStatus()) << "a broker without ids";
  absl::Status status = open("second");
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_NE(status.message().find("events was deleted and created again"), std::string::npos);
}

// Cannot commit; keeps how it was left.
class FailingSink final : public Sink {
 public:
  absl::StatusOr<Offset> Open(const TaskId&) override { return Offset(-1); }
  absl::Status Commit(absl::Span<const TaskOutput* const>) override {
    return absl::FailedPreconditionError("refused");
  }
  absl::Status Close(const TaskId& task) override {
    left_.push_back("closed " + task.ToString());
    return absl::OkStatus();
  }
  void Lose(const TaskId& task) override { left_.push_back("lost " + task.ToString()); }

  // Once the worker has stopped.
  const std::vector<std::string>& left() const { return left_; }

 private:
  std::vector<std::string> left_;
};

TEST(Worker, AfterAFailureItsTasksAreLostAndTheFirstErrorIsToldOnce) {
  const v1::Project project = MakeProject();
  const std::vector<TaskPlan> plans = PlanTasks(project).value();
  EndlessSource source(plans[0], 10, 10);
  FailingSink sink;
  FixedClock clock;
  Disk disk;
  const TaskId id{"events", PartitionId(0)};
  std::vector<absl::Status> told;
  Worker worker(
      project, plans, {{"events", 1}},
      {.threads = 1, .failed = [&](const absl::Status& status) { told.push_back(status); }},
      &source, {&sink},
      [&disk](const TaskId& task) -> absl::StatusOr<std::unique_ptr<StateStore>> {
        return std::make_unique<DiskStore>(&disk, task);
      },
      &clock);
  worker.Start();
  ASSERT_TRUE(worker.AddTasks({id}).ok());
  source.StartAt(id, std::nullopt);
  while (worker.status().ok()) absl::SleepFor(absl::Milliseconds(1));
  worker.Fail(absl::CancelledError("another, later"));
  const absl::Status refused = absl::FailedPreconditionError("refused");
  EXPECT_EQ(worker.Stop(), refused);
  EXPECT_EQ(told, std::vector{refused});
  EXPECT_EQ(sink.left(), std::vector<std::string>{"lost events/0"});
}

TEST(Worker, IsReadyForThePartitionsThatItHas) {
  Disk disk;
  Life life(&disk, 10);
  life.Finish();
  EXPECT_TRUE(life.worker().Ready().ok());
  EXPECT_TRUE(life.worker().HasAllTasks());
  ASSERT_TRUE(life.worker().RemoveTasks(Life::TaskIds(), /*lost=*/false).ok());
  EXPECT_EQ(life.worker().Ready().code(), absl::StatusCode::kUnavailable);
  // Until it is known who has it now, it is read from here.
  EXPECT_TRUE(life.worker().Lookup(0, "no such key", std::nullopt).ok());
  life.AddTasks({Life::TaskIds()[1]});
  life.Finish();
  EXPECT_TRUE(life.worker().Ready().ok());
  EXPECT_FALSE(life.worker().HasAllTasks());
  EXPECT_EQ(life.worker().Lookup(0, "no such key", std::nullopt).status().code(),
            absl::StatusCode::kUnavailable);
  absl::MutexLock lock(&disk.mutex);
  EXPECT_EQ(disk.held.at({"events", PartitionId(1)}), Offset(9));
}

// It has nothing to answer, and that it does.
TEST(Worker, IsReadyWithoutAnyPartition) {
  Disk disk;
  Life life(&disk, 10);
  ASSERT_TRUE(life.worker().RemoveTasks(Life::TaskIds(), /*lost=*/false).ok());
  life.AddTasks({});
  EXPECT_EQ(life.worker().Ready(), absl::OkStatus());
}

TEST(Worker, TellsOfARecordThatPutsAPartitionAheadOfTheWallClock) {
  std::vector<ClockAhead> told;
  absl::Mutex mutex;
  WorkerOptions options{.threads = 1};
  options.clock_ahead = [&](const ClockAhead& ahead) {
    absl::MutexLock lock(&mutex);
    told.push_back(ahead);
  };
  Disk disk;
  Life life(&disk, 100, options);
  life.Finish();
  ASSERT_EQ(life.worker().Stop(), absl::OkStatus());
  absl::MutexLock lock(&mutex);
  ASSERT_EQ(told.size(), static_cast<size_t>(kPartitions));
  // A record a second, in batches of ten, from 1970 on; it is 1970.
  EXPECT_EQ(told[0].offset, Offset(69));
  EXPECT_EQ(told[0].ahead_us, 69 * kSecond);
}

}  // namespace
}  // namespace forebay
