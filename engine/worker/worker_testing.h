// A worker with a source, sinks and stores in memory, for tests: what is on the Disk outlives it.
#ifndef FOREBAY_ENGINE_WORKER_WORKER_TESTING_H_
#define FOREBAY_ENGINE_WORKER_WORKER_TESTING_H_

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "engine/task/change_rows.h"
#include "engine/worker/worker.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {

inline constexpr int kPartitions = 3;
inline constexpr int64_t kSecond = 1'000'000;

inline v1::Project MakeProject() {
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

// Of which the test gives and takes the partitions.
class TestSource : public Source {
 public:
  absl::Status Poll(absl::Duration) override { return absl::OkStatus(); }
  void JoinAgain() override {}
  void Close() override {}
  absl::StatusOr<std::vector<Offset>> QueryEnds(absl::Span<const TaskId>, absl::Duration) override {
    return absl::UnavailableError("not asked");
  }
  std::optional<Offset> KnownEnd(const TaskId&) const override { return std::nullopt; }
};

// Record i of a partition is key i % 7, a second after record i - 1.
class EndlessSource final : public TestSource {
 public:
  // Records from `pause_at` on come after Resume.
  EndlessSource(const TaskPlan& plan, int64_t records, int64_t pause_at)
      : plan_(plan), records_(records), there_(std::min(records, pause_at)) {}

  void StartAt(const TaskId& task, std::optional<Offset> position) {
    absl::MutexLock lock(&mutex_);
    next_[task] = position ? position->value() + 1 : 0;
    Wake();
  }

  void Stop() {
    absl::MutexLock lock(&mutex_);
    next_.clear();
  }

  void Resume() {
    absl::MutexLock lock(&mutex_);
    there_ = records_;
    Wake();
  }

  void Watch(const TaskId& task, std::function<void()> wake) override {
    absl::MutexLock lock(&mutex_);
    wake_[task] = std::move(wake);
  }

  absl::StatusOr<PartitionBounds> Bounds(const TaskId&) override {
    return PartitionBounds{.next = Offset(records_)};
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
  void Wake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const auto& [task, wake] : wake_) wake();
  }

  std::map<TaskId, int64_t> next_ ABSL_GUARDED_BY(mutex_);
  std::map<TaskId, std::function<void()>> wake_ ABSL_GUARDED_BY(mutex_);
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
  void Purge(std::string_view) override {}
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

// Fails its `crash_at`th commit, either before it holds the rows or after; and any call while
// `away` is not OK.
class DiskSink final : public Sink {
 public:
  DiskSink(Disk* disk, int crash_at, bool after, absl::StatusCode code)
      : disk_(disk), crash_at_(crash_at), after_(after), code_(code) {}

  void SetAway(absl::Status away) {
    absl::MutexLock lock(&disk_->mutex);
    away_ = std::move(away);
  }

  WantedSteps Wants(int) const override { return {WantedSteps::Which::kEvery}; }
  std::unique_ptr<SinkPart> Prepare(const TaskId& task) override {
    return std::make_unique<ChangeRows>(project_, task.partition);
  }

  absl::StatusOr<Offset> Open(const TaskId& task) override {
    absl::MutexLock lock(&disk_->mutex);
    if (!away_.ok()) return away_;
    open_.insert(task);
    auto held = disk_->held.find(task);
    return held == disk_->held.end() ? Offset(-1) : held->second;
  }

  absl::Status Commit(absl::Span<const TaskOutput* const> outputs) override {
    bool crash = ++commits_ == crash_at_;
    if (crash && !after_) return absl::Status(code_, "crash before");
    absl::MutexLock lock(&disk_->mutex);
    if (!away_.ok()) return away_;
    for (const TaskOutput* output : outputs) {
      EXPECT_TRUE(open_.contains(output->task));
      auto [held, first] = disk_->held.try_emplace(output->task, Offset(-1));
      for (const ChangeBatch& batch : output->PartOf<ChangeRows>(this)->batches()) {
        for (std::string& row : DescribeRows(RowsAfter(batch.rows, held->second)))
          disk_->rows[output->task].insert(std::move(row));
      }
      held->second = std::max(held->second, output->position);
    }
    return crash ? absl::Status(code_, "crash after") : absl::OkStatus();
  }

  absl::Status Close(const TaskId& task) override {
    Lose(task);
    absl::MutexLock lock(&disk_->mutex);
    return away_;
  }

  void Lose(const TaskId& task) override {
    absl::MutexLock lock(&disk_->mutex);
    open_.erase(task);
  }

 private:
  const v1::Project project_ = MakeProject();
  Disk* const disk_;
  const int crash_at_;
  const bool after_;
  const absl::StatusCode code_;
  int commits_ = 0;
  absl::Status away_ ABSL_GUARDED_BY(disk_->mutex);
  std::set<TaskId> open_ ABSL_GUARDED_BY(disk_->mutex);
};

class FixedClock final : public Clock {
 public:
  KnownTime Now() const override { return KnownTime(0); }
};

// One life of a worker over `disk`: to the end of the records, or to its crash.
class Life {
 public:
  Life(Disk* disk, int64_t records, int crash_at = 0, bool after = false,
       absl::StatusCode code = absl::StatusCode::kInternal,
       absl::Duration state_interval = absl::Milliseconds(1),
       absl::Duration commit_interval = absl::Milliseconds(1),
       int64_t pause_at = std::numeric_limits<int64_t>::max(), int64_t ready_lag = 0)
      : Life(disk, records,
             WorkerOptions{.threads = 2,
                           .commit_interval = commit_interval,
                           .behind_interval = commit_interval,
                           .state_interval = state_interval,
                           .ready_lag = ready_lag},
             crash_at, after, code, pause_at) {}

  Life(Disk* disk, int64_t records, WorkerOptions options, int crash_at = 0, bool after = false,
       absl::StatusCode code = absl::StatusCode::kUnavailable,
       int64_t pause_at = std::numeric_limits<int64_t>::max())
      : plans_(PlanTasks(project_).value()),
        source_(plans_[0], records, pause_at),
        sink_(disk, crash_at, after, code),
        worker_(
            project_, plans_, {{"events", kPartitions}}, std::move(options), &source_, {&sink_},
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

  void AddTasks(const std::vector<TaskId>& tasks = TaskIds()) {
    auto positions = worker_.AddTasks(tasks).value();
    for (size_t i = 0; i < tasks.size(); ++i) source_.StartAt(tasks[i], positions[i]);
  }

  absl::Status RemoveTasks(bool lost) {
    source_.Stop();
    return worker_.RemoveTasks(TaskIds(), lost);
  }

  void Resume() { source_.Resume(); }

  Worker& worker() { return worker_; }
  DiskSink& sink() { return sink_; }

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

}  // namespace forebay

#endif  // FOREBAY_ENGINE_WORKER_WORKER_TESTING_H_
