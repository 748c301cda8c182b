// The engine alone: decoded batches in memory through one task a thread, 22 features.
//
//   engine_bench --events 2000000 --keys 100000                        hot keys, state only
//   engine_bench --steps every                                         with every change record
//   engine_bench --threads 2                                           two tasks, side by side
//   engine_bench --keys 10000000 --state DIR --hot-share 0.25          RocksDB below
//
// Prints one line of JSON. The events are made before; CPU seconds are the process's from the first
// batch to the last, commits to RocksDB and its own threads included. With --state, every key gets
// an event first, which is not measured, and a last figure is how long a task takes to start on
// that state.
#include <arrow/api.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <barrier>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include "engine/task/task.h"
#include "engine/task/task_plan.h"
#include "forebay/v1/definition.pb.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"

namespace forebay {
namespace {

constexpr int64_t kBatch = 4096;
constexpr int64_t kStart = 1'767'225'600'000'000;  // 2026-01-01
constexpr int64_t kStep = 51'840;                  // microseconds between two events

struct Flags {
  int64_t events = 2'000'000;  // measured, of all threads together
  int64_t keys = 100'000;      // likewise
  double zipf = 1.05;
  int threads = 1;
  std::string steps = "none";
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

v1::Expression Column(const std::string& name, v1::DataType type) {
  v1::Expression expression;
  expression.set_type(type);
  expression.set_column(name);
  return expression;
}

// count, sum, mean, min, max of amount over four windows, and events abroad over two.
v1::Project MakeProject(bool steps) {
  v1::Project project;
  project.set_name("bench");
  v1::Source& source = *project.add_sources();
  source.set_name("transactions");
  source.set_topic("transactions");
  source.add_key("user_id");
  source.set_known_time(v1::Source::EVENT_TIME);
  for (const auto& [name, type] :
       {std::pair("user_id", v1::STRING), {"amount", v1::DOUBLE}, {"country", v1::STRING}}) {
    v1::Field& field = *source.add_schema();
    field.set_name(name);
    field.set_type(type);
  }
  v1::Entity& entity = *project.add_entities();
  entity.set_name("user");
  *entity.add_keys() = source.schema(0);
  v1::FeatureView& view = *project.add_feature_views();
  view.set_name("user");
  view.set_version(1);
  view.set_source("transactions");
  view.set_entity("user");
  if (!steps) {
    view.set_history(v1::FeatureView::OFF);
    view.set_updates(v1::FeatureView::OFF);
  }
  for (const char* function : {"count", "sum", "mean", "min", "max", "count"}) {
    v1::Aggregate& aggregate = *view.add_aggregates();
    aggregate.set_function(function);
    *aggregate.add_arguments() = Column("amount", v1::DOUBLE);
    aggregate.set_type(std::string_view(function) == "count" ? v1::INT64 : v1::DOUBLE);
  }
  v1::Expression& filter = *view.mutable_aggregates(5)->mutable_filter();
  filter.set_type(v1::BOOL);
  filter.mutable_call()->set_function("not_equal");
  *filter.mutable_call()->add_arguments() = Column("country", v1::STRING);
  v1::Expression& us = *filter.mutable_call()->add_arguments();
  us.set_type(v1::STRING);
  us.mutable_literal()->set_string_value("US");
  constexpr int64_t kMinute = 60'000'000, kHour = 60 * kMinute, kDay = 24 * kHour;
  const std::pair<int64_t, int64_t> windows[] = {
      {10 * kMinute, kMinute}, {kHour, 5 * kMinute}, {kDay, kHour}, {7 * kDay, kDay}};
  for (uint32_t aggregate = 0; aggregate < 6; ++aggregate) {
    for (int w = 0; w < 4; ++w) {
      if (aggregate == 5 && w != 1 && w != 2) continue;
      v1::Feature& feature = *view.add_features();
      feature.set_name(fmt::format("f{}_{}", aggregate, w));
      feature.set_aggregate(aggregate);
      feature.set_type(view.aggregates(static_cast<int>(aggregate)).type());
      feature.mutable_window()->set_kind(v1::Window::SAWTOOTH);
      feature.mutable_window()->set_size_us(windows[w].first);
      feature.mutable_window()->set_hop_us(windows[w].second);
    }
  }
  return project;
}

// Keys by Zipf's law over shuffled numbers, so that neither order nor hash favours the frequent.
class KeySampler {
 public:
  KeySampler(int64_t keys, double exponent, std::mt19937_64* random) : random_(random) {
    double sum = 0;
    for (int64_t rank = 0; rank < keys; ++rank) {
      up_to_.push_back(sum += std::pow(static_cast<double>(rank + 1), -exponent));
      key_of_rank_.push_back(static_cast<uint32_t>(rank));
    }
    std::shuffle(key_of_rank_.begin(), key_of_rank_.end(), *random);
  }

  int64_t Next() {
    double at = static_cast<double>((*random_)() >> 11) * 0x1.0p-53 * up_to_.back();
    return key_of_rank_[std::upper_bound(up_to_.begin(), up_to_.end(), at) - up_to_.begin()];
  }

 private:
  std::mt19937_64* const random_;
  std::vector<double> up_to_;  // by rank: the weight of all up to this one
  std::vector<uint32_t> key_of_rank_;
};

// Events `first` and on; of key i for event i without a sampler.
EventBatch MakeBatch(const TaskPlan& plan, int64_t first, int64_t keys, KeySampler* sampler,
                     std::mt19937_64* random) {
  arrow::StringBuilder users, countries;
  arrow::DoubleBuilder amounts;
  EventBatch batch;
  for (int64_t i = first; i < first + kBatch; ++i) {
    int64_t user = sampler == nullptr ? i % keys : sampler->Next();
    (void)users.Append(fmt::format("u{:07}", user));
    (void)amounts.Append(0.5 + static_cast<double>((*random)() % 200'000) / 100);
    (void)countries.Append((*random)() % 100 < 82 ? "US" : "FR");
    int64_t late = (*random)() % 100 < 2 ? static_cast<int64_t>((*random)() % 120'000'000) : 0;
    int64_t time = kStart + i * kStep - late;
    batch.records.push_back({.offset = Offset(i), .timestamp = time});
    batch.event_times.push_back(EventTime(time));
    batch.known_times.push_back(KnownTime(time));
  }
  batch.last_offset = Offset(first + kBatch - 1);
  std::map<std::string, std::shared_ptr<arrow::Array>> columns = {
      {"user_id", users.Finish().ValueOrDie()},
      {"amount", amounts.Finish().ValueOrDie()},
      {"country", countries.Finish().ValueOrDie()}};
  arrow::ArrayVector arrays;
  for (const auto& field : plan.event_schema->fields()) arrays.push_back(columns.at(field->name()));
  batch.columns = arrow::RecordBatch::Make(plan.event_schema, kBatch, std::move(arrays));
  return batch;
}

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
  TaskBench(const Flags& flags, const TaskPlan& plan, int number)
      : flags_(flags),
        plan_(plan),
        keys_(flags.keys / flags.threads),
        id_{"transactions", PartitionId(number)},
        random_(42 + static_cast<uint64_t>(number)) {
    if (!flags.state.empty()) {
      folder_ = Require(OpenStateFolder(flags.state, "bench"));
      stores_ = std::make_unique<StoreFactory>(folder_->path(), StoreLimits());
    }
    Open(size_t{64} << 30);
  }

  // Gives every key a state in the store, and the task its share of memory.
  void Preload() {
    size_t bytes = 0;
    for (; made_ < keys_; made_ += kBatch) {
      Apply(MakeBatch(plan_, made_, keys_, nullptr, &random_));
      if (made_ / flags_.commit_records != (made_ + kBatch) / flags_.commit_records) Commit();
    }
    Commit();
    bytes = static_cast<size_t>(task_->statistics().hot_bytes);
    task_.reset();
    Open(static_cast<size_t>(static_cast<double>(bytes) * flags_.hot_share));
  }

  void MakeEvents() {
    KeySampler sampler(keys_, flags_.zipf, &random_);
    for (int64_t left = flags_.events / flags_.threads; left > 0; left -= kBatch, made_ += kBatch)
      batches_.push_back(MakeBatch(plan_, made_, keys_, &sampler, &random_));
  }

  void Run() {
    int64_t since_commit = 0;
    for (const EventBatch& batch : batches_) {
      Apply(batch);
      since_commit += kBatch;
      if (flags_.state.empty() || since_commit < flags_.commit_records) continue;
      Commit();
      since_commit = 0;
    }
  }

  // Without a store nothing was cut before, so the cut holds all keys.
  void CountBytes(int64_t* keys, int64_t* hot_bytes, int64_t* stored_bytes) {
    if (!flags_.state.empty()) return;
    TaskCut cut = task_->Cut(CutOf::kState);
    const auto& size = static_cast<const DeltaSize&>(*cut.state);
    *keys += size.keys;
    *stored_bytes += size.bytes;
    task_->Durable(cut.number);
    *hot_bytes += task_->statistics().hot_bytes;
  }

  double RestartSeconds() {
    Commit();
    task_.reset();
    double start = WallSeconds();
    Open(size_t{1} << 30);
    return WallSeconds() - start;
  }

  int64_t events() const { return static_cast<int64_t>(batches_.size()) * kBatch; }
  int64_t changes() const { return changes_; }

 private:
  void Open(size_t hot_bytes) {
    std::unique_ptr<StateStore> store = std::make_unique<EmptyStore>();
    if (stores_ != nullptr) store = Require(stores_->Open(id_));
    task_ = Require(Task::Open(plan_, id_, flags_.threads, std::move(store), hot_bytes));
  }

  void Apply(const EventBatch& batch) {
    Require(task_->Apply(batch));
    TaskOutput output = task_->TakeOutput();
    for (const ChangeBatch& change : output.changes) changes_ += change.rows->num_rows();
  }

  void Commit() {
    TaskCut cut = task_->Cut(CutOf::kState);
    Require(task_->Commit(cut));
    task_->Durable(cut.number);
  }

  const Flags& flags_;
  const TaskPlan& plan_;
  const int64_t keys_;
  const TaskId id_;
  std::mt19937_64 random_;
  std::optional<StateFolder> folder_;
  std::unique_ptr<StoreFactory> stores_;
  std::unique_ptr<Task> task_;
  std::vector<EventBatch> batches_;
  int64_t made_ = 0;
  int64_t changes_ = 0;
};

int Main(const Flags& flags) {
  v1::Project project = MakeProject(flags.steps == "every");
  std::vector<TaskPlan> plans = PlanTasks(project).value();
  std::vector<std::unique_ptr<TaskBench>> tasks;
  for (int i = 0; i < flags.threads; ++i) {
    tasks.push_back(std::make_unique<TaskBench>(flags, plans[0], i));
    if (!flags.state.empty()) tasks.back()->Preload();
    tasks.back()->MakeEvents();
  }
  double cpu = 0, wall = 0;
  {
    std::barrier start(flags.threads + 1);
    std::vector<std::jthread> threads;
    for (auto& task : tasks) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        task->Run();
      });
    }
    cpu = ProcessCpuSeconds();
    wall = WallSeconds();
    start.arrive_and_wait();
    threads.clear();  // joins
    cpu = ProcessCpuSeconds() - cpu;
    wall = WallSeconds() - wall;
  }
  int64_t events = 0, changes = 0, keys = 0, hot_bytes = 0, stored_bytes = 0;
  for (auto& task : tasks) {
    events += task->events();
    changes += task->changes();
    task->CountBytes(&keys, &hot_bytes, &stored_bytes);
  }
  double restart = flags.state.empty() ? 0 : tasks[0]->RestartSeconds();
  fmt::print(
      "{{\"bench\": \"engine\", \"events\": {}, \"keys\": {}, \"features\": 22, \"threads\": {}, "
      "\"steps\": \"{}\", \"changes\": {}, \"cpu_seconds\": {:.3f}, \"seconds\": {:.3f}, "
      "\"events_per_cpu_second\": {:.0f}, \"events_per_second\": {:.0f}, \"keys_with_state\": {}, "
      "\"hot_bytes\": {}, \"stored_bytes\": {}, \"restart_seconds\": {:.3f}}}\n",
      events, flags.keys, flags.threads, flags.steps, changes, cpu, wall,
      static_cast<double>(events) / cpu, static_cast<double>(events) / wall, keys, hot_bytes,
      stored_bytes, restart);
  return 0;
}

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) {
  forebay::Flags flags;
  CLI::App app("The engine alone, on events in memory");
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
  app.add_option("--state", flags.state, "An empty folder for a store below (one thread)");
  app.add_option("--hot-share", flags.hot_share, "Of the keys' bytes, in the hot map, with --state")
      ->capture_default_str();
  app.add_option("--commit-records", flags.commit_records, "Events between commits, with --state")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return forebay::Main(flags);
}
