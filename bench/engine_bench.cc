// The engine alone: decoded batches in memory through one task a thread, 22 features.
//
//   engine_bench --project bench/transactions                          hot keys, state only
//   ... --steps every                                                  with every change record
//   ... --archive                                                      with the rows of an archive
//   ... --threads 2                                                    two tasks, side by side
//   ... --keys 10000000 --state DIR --hot-share 0.25                   RocksDB below
//
// Prints one line of JSON. The events are made before; CPU seconds are the process's from the first
// batch to the last, commits to RocksDB and its own threads included. With --state, every key gets
// an event first, which is not measured, and two more figures are how long events waited at most
// for the cut of the state, and how long the tasks take to start on that state, side by side.
#include <arrow/api.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <thread>

#include "bench/transaction_batch.h"
#include "bench/transaction_stream.h"
#include "engine/task/rows_sink.h"
#include "engine/task/task.h"
#include "engine/task/task_plan.h"
#include "forebay/v1/definition.pb.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "schemas/definition/project.h"

namespace forebay {
namespace {

constexpr int64_t kBatch = 4096;

struct Flags {
  std::string project;
  int64_t events = 2'000'000;  // measured, of all threads together
  int64_t keys = 100'000;      // likewise
  double zipf = 1.05;
  int threads = 1;
  std::string steps = "none";
  bool archive = false;
  std::string state;                 // folder; empty: no store
  double hot_share = 1;              // of the bytes of all keys, held in the hot map
  int64_t commit_records = 500'000;  // events between two commits to the store
};

// Only counts.
struct DeltaSize final : StateDelta {
  void Put(std::string_view key, std::string_view value) override {
    ++keys;
    bytes += static_cast<int64_t>(key.size() + value.size());
  }
  void Delete(std::string_view) override {}
  void Purge(std::string_view) override {}
  void SetMeta(std::string_view) override {}

  int64_t keys = 0, bytes = 0;
};

// States never leave the hot map here, so the store is only asked for new keys.
class EmptyStore final : public StateStore {
 public:
  absl::StatusOr<std::optional<std::string>> ReadMeta() const override { return std::nullopt; }
  absl::StatusOr<std::optional<std::string>> Get(std::string_view) const override {
    return std::nullopt;
  }
  absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(
      absl::Span<const std::string_view> keys) const override {
    return std::vector<std::optional<std::string>>(keys.size());
  }
  absl::Status Scan(
      const std::function<absl::Status(std::string_view, std::string_view)>&) const override {
    return absl::OkStatus();
  }
  std::unique_ptr<StateDelta> NewDelta(size_t) const override {
    return std::make_unique<DeltaSize>();
  }
  absl::Status Commit(StateDelta&) override { return absl::OkStatus(); }
};

double ProcessCpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double WallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Require(const absl::Status& status) {
  if (status.ok()) return;
  fmt::print(stderr, "engine_bench: {}\n", status.ToString());
  std::exit(1);
}

template <typename T>
T Require(absl::StatusOr<T> value) {
  Require(value.status());
  return *std::move(value);
}

// One task with its share of the keys and of the events.
class TaskBench {
 public:
  // `stores` may be null: nothing below.
  TaskBench(const Flags& flags, const v1::Project& project, const TaskPlan& plan,
            StoreFactory* stores, int number)
      : flags_(flags),
        plan_(plan),
        stores_(stores),
        keys_(flags.keys / flags.threads),
        id_{"transactions", PartitionId(number)},
        rows_(project),
        stream_({.users = static_cast<uint32_t>(keys_),
                 .zipf = flags.zipf,
                 .seed = 42 + static_cast<uint64_t>(number)}),
        batch_(plan) {
    Open(size_t{64} << 30);
  }

  // Gives every key a state in the store, and the task its share of memory.
  void Preload() {
    while (made_ < keys_) {
      const int64_t before = made_;
      Require(task_->Apply(MakeBatch(/*keys_in_turn=*/true)));
      bool commits = before / flags_.commit_records != made_ / flags_.commit_records;
      Cut(commits ? CutOf::kStateAtOnce : CutOf::kOutputs);
    }
    Cut(CutOf::kStateAtOnce);
    longest_pause_ = 0;
    const int64_t bytes = task_->statistics().hot_bytes;
    task_.reset();
    Open(static_cast<size_t>(static_cast<double>(bytes) * flags_.hot_share));
  }

  void MakeEvents() {
    for (int64_t left = flags_.events / flags_.threads; left > 0; left -= kBatch)
      batches_.push_back(MakeBatch(/*keys_in_turn=*/false));
  }

  void Run() {
    int64_t since_commit = 0;
    for (const EventBatch& batch : batches_) {
      Require(task_->Apply(batch));
      Pausing([this] { task_->AdvanceStateCut(kBatch); });
      since_commit += kBatch;
      const bool commits = !flags_.state.empty() && since_commit >= flags_.commit_records;
      Cut(commits ? CutOf::kState : CutOf::kOutputs);
      if (commits) since_commit = 0;
    }
  }

  // Without a store nothing was cut before, so the cut holds all keys.
  void CountBytes(int64_t* keys, int64_t* hot_bytes, int64_t* stored_bytes) {
    if (!flags_.state.empty()) return;
    TaskCut cut = task_->Cut(CutOf::kStateAtOnce);
    const auto& size = static_cast<const DeltaSize&>(*cut.states.front().delta);
    *keys += size.keys;
    *stored_bytes += size.bytes;
    task_->Durable(cut.number());
    *hot_bytes += task_->statistics().hot_bytes;
  }

  void Stop() {
    Cut(CutOf::kStateAtOnce);
    task_.reset();
  }

  void Open(size_t hot_bytes) {
    std::unique_ptr<StateStore> store = std::make_unique<EmptyStore>();
    if (stores_ != nullptr) store = Require(stores_->Open(id_));
    task_ = Require(Task::Open(plan_, id_, flags_.threads, {.next = Offset::Max()},
                               std::move(store), hot_bytes));
    task_->DeliverTo({&rows_});
  }

  int64_t events() const { return static_cast<int64_t>(batches_.size()) * kBatch; }
  int64_t changes() const { return changes_; }
  int64_t archived() const { return archived_; }
  double longest_pause() const { return longest_pause_; }

 private:
  EventBatch MakeBatch(bool keys_in_turn) {
    Transaction transaction;
    for (int64_t i = 0; i < kBatch; ++i, ++made_) {
      stream_.Next(&transaction);
      if (keys_in_turn) transaction.user_id = fmt::format("u{:07}", made_ % keys_);
      batch_.Add(transaction, Offset(made_));
    }
    return batch_.Finish();
  }

  void Cut(CutOf of) {
    TaskCut cut;
    Pausing([&] { cut = task_->Cut(of); });
    for (const ChangeBatch& change : rows_.RowsOf(cut.output))
      (change.view == ChangeBatch::kEvents ? archived_ : changes_) += change.rows->num_rows();
    if (cut.states.empty()) return;
    Require(task_->Commit(cut));
    task_->Durable(cut.number());
  }

  // Does `work`, while which events wait for a cut.
  void Pausing(absl::FunctionRef<void()> work) {
    double begin = WallSeconds();
    work();
    longest_pause_ = std::max(longest_pause_, WallSeconds() - begin);
  }

  const Flags& flags_;
  const TaskPlan& plan_;
  StoreFactory* const stores_;
  const int64_t keys_;
  const TaskId id_;
  RowsSink rows_;
  TransactionStream stream_;
  TransactionBatch batch_;
  std::unique_ptr<Task> task_;
  std::vector<EventBatch> batches_;
  int64_t made_ = 0;
  int64_t changes_ = 0;
  int64_t archived_ = 0;
  double longest_pause_ = 0;
};

// Side by side, each on a thread of its own; how long that took, once all threads were there.
double ForEachTask(std::vector<std::unique_ptr<TaskBench>>* tasks,
                   const std::function<void(TaskBench&)>& work) {
  std::barrier start(static_cast<std::ptrdiff_t>(tasks->size()) + 1);
  std::vector<std::jthread> threads;
  threads.reserve(tasks->size());
  for (auto& task : *tasks) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      work(*task);
    });
  }
  double begin = WallSeconds();
  start.arrive_and_wait();
  threads.clear();  // joins
  return WallSeconds() - begin;
}

int Main(const Flags& flags) {
  v1::Project project = *Require(LoadProject(flags.project, nullptr)).project;
  if (flags.steps == "none") {
    project.mutable_feature_views(0)->set_history(v1::FeatureView::OFF);
    project.mutable_feature_views(0)->set_updates(v1::FeatureView::OFF);
  }
  project.mutable_sources(0)->set_archive(flags.archive);
  std::vector<TaskPlan> plans = PlanTasks(project).value();
  std::optional<StateFolder> folder;
  std::unique_ptr<StoreFactory> stores;
  if (!flags.state.empty()) {
    folder = Require(OpenStateFolder(flags.state, "bench"));
    stores = std::make_unique<StoreFactory>(folder->path(), StoreLimits());
  }
  std::vector<std::unique_ptr<TaskBench>> tasks;
  for (int i = 0; i < flags.threads; ++i)
    tasks.push_back(std::make_unique<TaskBench>(flags, project, plans[0], stores.get(), i));
  if (stores != nullptr) ForEachTask(&tasks, [](TaskBench& task) { task.Preload(); });
  for (auto& task : tasks) task->MakeEvents();
  double cpu = ProcessCpuSeconds();
  double wall = ForEachTask(&tasks, [](TaskBench& task) { task.Run(); });
  cpu = ProcessCpuSeconds() - cpu;
  int64_t events = 0, changes = 0, archived = 0, keys = 0, hot_bytes = 0, stored_bytes = 0;
  for (auto& task : tasks) {
    events += task->events();
    changes += task->changes();
    archived += task->archived();
    task->CountBytes(&keys, &hot_bytes, &stored_bytes);
  }
  double restart = 0, pause = 0;
  for (auto& task : tasks) pause = std::max(pause, task->longest_pause());
  if (stores != nullptr) {
    for (auto& task : tasks) task->Stop();
    restart = ForEachTask(&tasks, [](TaskBench& task) { task.Open(size_t{1} << 30); });
  }
  fmt::print(
      "{{\"bench\": \"engine\", \"events\": {}, \"keys\": {}, \"features\": 22, \"threads\": {}, "
      "\"steps\": \"{}\", \"changes\": {}, \"archived\": {}, \"cpu_seconds\": {:.3f}, \"seconds\": "
      "{:.3f}, "
      "\"events_per_cpu_second\": {:.0f}, \"events_per_second\": {:.0f}, \"keys_with_state\": {}, "
      "\"hot_bytes\": {}, \"stored_bytes\": {}, \"longest_pause_seconds\": {:.4f}, "
      "\"restart_seconds\": {:.3f}}}\n",
      events, flags.keys, flags.threads, flags.steps, changes, archived, cpu, wall,
      static_cast<double>(events) / cpu, static_cast<double>(events) / wall, keys, hot_bytes,
      stored_bytes, pause, restart);
  return 0;
}

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) {
  forebay::Flags flags;
  CLI::App app("The engine alone, on events in memory");
  app.add_option("--project", flags.project, "The folder of bench/transactions")->required();
  app.add_option("--events", flags.events, "How many are measured")->capture_default_str();
  app.add_option("--keys", flags.keys, "How many there are")->capture_default_str();
  app.add_option("--zipf", flags.zipf, "How unevenly keys share the events; 0: evenly")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--threads", flags.threads, "Each with a task, and its share of keys and events")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--steps", flags.steps, "none: state only; every: a change record of every step")
      ->check(CLI::IsMember({"none", "every"}))
      ->capture_default_str();
  app.add_flag("--archive", flags.archive, "Make rows for an archive of all columns, too");
  app.add_option("--state", flags.state, "An empty folder for stores below");
  app.add_option("--hot-share", flags.hot_share, "Of the keys' bytes, in the hot map, with --state")
      ->capture_default_str();
  app.add_option("--commit-records", flags.commit_records, "Events between commits, with --state")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return forebay::Main(flags);
}
