// The worker with a source, sinks and stores in memory: what is committed when, and what a crash
// at any commit leaves behind (law 3).
#include "engine/worker/worker.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "absl/time/clock.h"
#include "forebay/v1/definition.pb.h"
#include "forebay/v1/state.pb.h"

namespace forebay {
namespace {

constexpr int kPartitions = 3;
constexpr int64_t kSecond = 1'000'000;

v1::Project MakeProject() {
  v1::Project project;
  project.set_name("test");
  v1::Source& source = *project.add_sources();
  source.set_name("events");
  source.set_topic("events");
  source.add_key("k");
  source.set_known_time(v1::Source::EVENT_TIME);
  v1::Field& key = *source.add_schema();
  key.set_name("k");
  key.set_type(v1::STRING);
  v1::Entity& entity = *project.add_entities();
  entity.set_name("thing");
  *entity.add_keys() = key;
  v1::FeatureView& view = *project.add_feature_views();
  view.set_name("view");
  view.set_version(1);
  view.set_source("events");
  view.set_entity("thing");
  v1::Aggregate& count = *view.add_aggregates();
  count.set_function("count");
  count.set_type(v1::INT64);
  v1::Feature& feature = *view.add_features();
  feature.set_name("n");
  feature.set_type(v1::INT64);
  feature.mutable_window()->set_kind(v1::Window::SAWTOOTH);
  feature.mutable_window()->set_size_us(60 * kSecond);
  feature.mutable_window()->set_hop_us(6 * kSecond);
  return project;
}

// Record i of a partition is key i % 7, a second after record i - 1.
class EndlessSource final : public Source {
 public:
  // Records from `pause_at` on come after Resume.
  EndlessSource(const TaskPlan& plan, int64_t records, int64_t pause_at)
      : plan_(plan), records_(records), there_(std::min(records, pause_at)) {}

  void StartAt(const TaskId& task, std::optional<Offset> position) {
    absl::MutexLock lock(&mutex_);
    next_[task] = position ? position->value() + 1 : 0;
  }

  void Stop() {
    absl::MutexLock lock(&mutex_);
    next_.clear();
  }

  void Resume() {
    absl::MutexLock lock(&mutex_);
    there_ = records_;
  }

  absl::StatusOr<PartitionBounds> Bounds(const TaskId&) override {
    absl::MutexLock lock(&mutex_);
    return PartitionBounds{.next = Offset(there_)};
  }

  absl::StatusOr<EventBatch> Next(const TaskId& task, size_t, absl::Duration) override {
    int64_t first, end;
    {
      absl::MutexLock lock(&mutex_);
      auto next = next_.find(task);
      if (next == next_.end()) return absl::CancelledError();
      first = next->second;
      end = next->second = std::min(first + 10, there_);
    }
    EventBatch batch;
    arrow::StringBuilder keys;
    for (int64_t i = first; i < end; ++i) {
      EXPECT_TRUE(keys.Append("k" + std::to_string(i % 7)).ok());
      batch.records.push_back({.offset = Offset(i)});
      batch.event_times.push_back(EventTime(i * kSecond));
      batch.known_times.push_back(KnownTime(i * kSecond));
    }
    batch.columns =
        arrow::RecordBatch::Make(plan_.event_schema, end - first, {keys.Finish().ValueOrDie()});
    batch.last_offset = Offset(end - 1);
    batch.at_end = end == records_;
    return batch;
  }

 private:
  const TaskPlan& plan_;
  const int64_t records_;
  absl::Mutex mutex_;
  int64_t there_ ABSL_GUARDED_BY(mutex_);
  std::map<TaskId, int64_t> next_ ABSL_GUARDED_BY(mutex_);
};

// Durable in the sense of a test: outlives the worker.
struct Disk {
  std::function<void()> during_multi_get;
  absl::Mutex mutex;
  std::map<TaskId, std::map<std::string, std::string>> states ABSL_GUARDED_BY(mutex);
  std::map<TaskId, std::string> metas ABSL_GUARDED_BY(mutex);
  // What the sink holds: rows as "offset/ordinal", by task, and up to where.
  std::map<TaskId, std::multiset<std::string>> rows ABSL_GUARDED_BY(mutex);
  std::map<TaskId, Offset> held ABSL_GUARDED_BY(mutex);
};

struct DiskDelta final : StateDelta {
  void Put(std::string_view key, std::string_view value) override { puts.emplace(key, value); }
  void Delete(std::string_view key) override { deletes.emplace_back(key); }
  void SetMeta(std::string_view bytes) override { meta = bytes; }

  std::map<std::string, std::string> puts;
  std::vector<std::string> deletes;
  std::string meta;
};

class DiskStore final : public StateStore {
 public:
  DiskStore(Disk* disk, TaskId task) : disk_(disk), task_(std::move(task)) {}

  absl::StatusOr<std::optional<std::string>> ReadMeta() const override {
    absl::MutexLock lock(&disk_->mutex);
    auto meta = disk_->metas.find(task_);
    if (meta == disk_->metas.end()) return std::nullopt;
    return meta->second;
  }
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    absl::MutexLock lock(&disk_->mutex);
    auto& states = disk_->states[task_];
    auto state = states.find(std::string(key));
    if (state == states.end()) return std::nullopt;
    return state->second;
  }
  absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(
      absl::Span<const std::string_view> keys) const override {
    if (disk_->during_multi_get) disk_->during_multi_get();
    std::vector<std::optional<std::string>> values;
    for (std::string_view key : keys) values.push_back(Get(key).value());
    return values;
  }
  absl::Status Scan(
      const std::function<absl::Status(std::string_view, std::string_view)>& visit) const override {
    absl::MutexLock lock(&disk_->mutex);
    for (const auto& [key, value] : disk_->states[task_]) {
      if (absl::Status status = visit(key, value); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  std::unique_ptr<StateDelta> NewDelta(size_t) const override {
    return std::make_unique<DiskDelta>();
  }
  absl::Status Commit(StateDelta& changes) override {
    const auto& delta = static_cast<DiskDelta&>(changes);
    absl::MutexLock lock(&disk_->mutex);
    for (const auto& [key, value] : delta.puts) disk_->states[task_][key] = value;
    for (const std::string& key : delta.deletes) disk_->states[task_].erase(key);
    disk_->metas[task_] = delta.meta;
    return absl::OkStatus();
  }

 private:
  Disk* const disk_;
  const TaskId task_;
};

// "offset/ordinal" of each row; null: none.
std::vector<std::string> DescribeRows(const std::shared_ptr<arrow::RecordBatch>& rows) {
  std::vector<std::string> text;
  for (int64_t row = 0; rows != nullptr && row < rows->num_rows(); ++row) {
    text.push_back(
        rows->GetColumnByName("_source_offset")->GetScalar(row).ValueOrDie()->ToString() + "/" +
        rows->GetColumnByName("_ordinal")->GetScalar(row).ValueOrDie()->ToString());
  }
  return text;
}

// Fails its `crash_at`th commit, either before it holds the rows or after.
class DiskSink final : public Sink {
 public:
  DiskSink(Disk* disk, int crash_at, bool after, absl::StatusCode code)
      : disk_(disk), crash_at_(crash_at), after_(after), code_(code) {}

  absl::StatusOr<Offset> Open(const TaskId& task) override {
    absl::MutexLock lock(&disk_->mutex);
    auto held = disk_->held.find(task);
    return held == disk_->held.end() ? Offset(-1) : held->second;
  }

  absl::Status Commit(absl::Span<const TaskOutput* const> outputs) override {
    bool crash = ++commits_ == crash_at_;
    if (crash && !after_) return absl::Status(code_, "crash before");
    absl::MutexLock lock(&disk_->mutex);
    for (const TaskOutput* output : outputs) {
      auto [held, first] = disk_->held.try_emplace(output->task, Offset(-1));
      for (const ChangeBatch& batch : output->changes) {
        for (std::string& row : DescribeRows(RowsAfter(batch.rows, held->second)))
          disk_->rows[output->task].insert(std::move(row));
      }
      held->second = std::max(held->second, output->position);
    }
    return crash ? absl::Status(code_, "crash after") : absl::OkStatus();
  }

 private:
  Disk* const disk_;
  const int crash_at_;
  const bool after_;
  const absl::StatusCode code_;
  int commits_ = 0;
};

class FixedClock final : public Clock {
 public:
  KnownTime Now() const override { return KnownTime(0); }
};

// One life of a worker over `disk`: to the end of the records, or to its crash.
class Life {
 public:
  Life(Disk* disk, int64_t records, int crash_at = 0, bool after = false,
       absl::StatusCode code = absl::StatusCode::kUnavailable,
       absl::Duration state_interval = absl::Milliseconds(1),
       absl::Duration commit_interval = absl::Milliseconds(1),
       int64_t pause_at = std::numeric_limits<int64_t>::max())
      : plans_(PlanTasks(project_).value()),
        source_(plans_[0], records, pause_at),
        sink_(disk, crash_at, after, code),
        worker_(
            project_, plans_, {{"events", kPartitions}},
            {.threads = 2, .commit_interval = commit_interval, .state_interval = state_interval},
            &source_, {&sink_},
            [disk](const TaskId& task) -> absl::StatusOr<std::unique_ptr<StateStore>> {
              return std::make_unique<DiskStore>(disk, task);
            },
            &clock_) {
    worker_.Start();
    AddTasks();
  }

  static std::vector<TaskId> TaskIds() {
    std::vector<TaskId> tasks;
    for (int i = 0; i < kPartitions; ++i) tasks.push_back({"events", PartitionId(i)});
    return tasks;
  }

  void AddTasks() {
    std::vector<TaskId> tasks = TaskIds();
    auto positions = worker_.AddTasks(tasks).value();
    for (int i = 0; i < kPartitions; ++i) source_.StartAt(tasks[i], positions[i]);
  }

  void LoseTasks() {
    source_.Stop();
    ASSERT_TRUE(worker_.RemoveTasks(TaskIds(), /*lost=*/true).ok());
  }

  void Resume() { source_.Resume(); }

  Worker& worker() { return worker_; }

  // Until all tasks have applied everything, or the worker has failed.
  void Finish() {
    auto done = [this] {
      for (const auto& task : worker_.Tasks()) {
        if (!task->at_end()) return false;
      }
      return true;
    };
    while (worker_.status().ok() && !done()) absl::SleepFor(absl::Milliseconds(1));
  }

 private:
  const v1::Project project_ = MakeProject();
  const std::vector<TaskPlan> plans_;
  EndlessSource source_;
  DiskSink sink_;
  FixedClock clock_;
  Worker worker_;
};

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
        Life life(&disk, kRecords, crash_at, after, absl::StatusCode::kUnavailable, states);
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

// The sink says ABORTED when the group has given the tasks to others while the worker was away.
TEST(Worker, TasksThatWereLostAreReplayedWhenTheyComeBack) {
  constexpr int64_t kRecords = 400;
  Disk disk;
  Life life(&disk, kRecords, /*crash_at=*/1, /*after=*/true, absl::StatusCode::kAborted);
  auto lost = [&] {
    auto tasks = life.worker().Tasks();
    return std::any_of(tasks.begin(), tasks.end(), [](const auto& task) { return task->lost(); });
  };
  while (!lost()) life.worker().Commit().IgnoreError();
  life.LoseTasks();
  // Lookups go on, but the worker is not ready.
  EXPECT_TRUE(life.worker().Lookup(0, "k3", std::nullopt).ok());
  EXPECT_EQ(life.worker().Ready().code(), absl::StatusCode::kUnavailable);
  life.AddTasks();
  life.Finish();
  ASSERT_TRUE(life.worker().Stop().ok());
  Disk straight;
  Life other(&straight, kRecords);
  other.Finish();
  ASSERT_TRUE(other.worker().Stop().ok());
  absl::MutexLock lock(&disk.mutex);
  absl::MutexLock straight_lock(&straight.mutex);
  EXPECT_EQ(disk.rows, straight.rows);
  EXPECT_EQ(disk.metas, straight.metas);
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
  EXPECT_TRUE(life.worker().Stop().ok());
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
  EXPECT_EQ(life.worker().Stop(), absl::UnavailableError("crash before"));
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
