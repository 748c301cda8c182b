// Lookups without a network: of one task with its state in RocksDB, once from the hot map and once
// after a restart, when every lookup reads RocksDB. One thread, one key a lookup, all features of
// the view. Prints a line of JSON for each way to look up.
//
//   lookup_bench --project bench/transactions --folder /tmp/x --keys 100000 --lookups 1000000
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/transaction_batch.h"
#include "bench/transaction_stream.h"
#include "engine/state/key.h"
#include "engine/task/task.h"
#include "engine/task/task_plan.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "online/serving/feature_reader.h"
#include "online/store/store_factory.h"
#include "schemas/definition/project.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kBatchRecords = 4096;
constexpr size_t kHotBytes = size_t{4} << 30;
constexpr int kEventsPerKey = 10;

double ThreadCpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Flags {
  std::string project;
  std::string folder;
  uint32_t keys = 100'000;
  int64_t lookups = 1'000'000;
};

// The task of a topic's only partition.
class LookupBench {
 public:
  static absl::StatusOr<std::unique_ptr<LookupBench>> Create(const Flags& flags) {
    ASSIGN_OR_RETURN(LoadedProject loaded, LoadProject(flags.project, nullptr));
    std::unique_ptr<LookupBench> bench(new LookupBench(flags, std::move(loaded)));
    ASSIGN_OR_RETURN(bench->plans_, PlanTasks(bench->project()));
    return bench;
  }

  absl::Status Run() {
    RETURN_IF_ERROR(Open());
    RETURN_IF_ERROR(ApplyEvents());
    RETURN_IF_ERROR(MeasureAll("hot"));
    RETURN_IF_ERROR(Open());  // nothing is in the hot map now, and lookups put nothing there
    return MeasureAll("cold");
  }

 private:
  LookupBench(const Flags& flags, LoadedProject loaded)
      : flags_(flags), loaded_(std::move(loaded)), stores_(flags.folder, StoreLimits()) {}

  const v1::Project& project() const { return *loaded_.project; }

  absl::Status Open() {
    task_.reset();
    TaskId id{plans_[0].topic, PartitionId(0)};
    ASSIGN_OR_RETURN(std::unique_ptr<StateStore> store, stores_.Open(id));
    ASSIGN_OR_RETURN(
        task_, Task::Open(plans_[0], id, 1, {.next = Offset::Max()}, std::move(store), kHotBytes));
    return absl::OkStatus();
  }

  absl::Status ApplyEvents();
  absl::Status MeasureAll(const char* state) const;
  absl::Status Measure(const char* what, const char* state,
                       const std::function<absl::Status(const std::string& user)>& look_up) const;

  const Flags flags_;
  const LoadedProject loaded_;
  std::vector<TaskPlan> plans_;
  StoreFactory stores_;
  std::unique_ptr<Task> task_;
};

absl::Status LookupBench::ApplyEvents() {
  TransactionStream stream({.users = flags_.keys, .zipf = 0});
  TransactionBatch batch(plans_[0]);
  Transaction transaction;
  const int64_t events = int64_t{flags_.keys} * kEventsPerKey;
  for (int64_t i = 0; i < events;) {
    for (; batch.size() < kBatchRecords && i < events; ++i) {
      stream.Next(&transaction);
      batch.Add(transaction, Offset(i));
    }
    RETURN_IF_ERROR(task_->Apply(batch.Finish()));
  }
  TaskCut cut = task_->Cut(CutOf::kStateAtOnce);
  RETURN_IF_ERROR(task_->Commit(cut));
  task_->Durable(cut.number());
  return absl::OkStatus();
}

absl::Status LookupBench::Measure(
    const char* what, const char* state,
    const std::function<absl::Status(const std::string& user)>& look_up) const {
  std::mt19937 random(1);
  std::vector<std::string> users(static_cast<size_t>(flags_.lookups));
  for (std::string& user : users) user = fmt::format("u{:07}", random() % flags_.keys);
  std::vector<int64_t> nanoseconds;
  nanoseconds.reserve(users.size());
  double cpu_start = ThreadCpuSeconds();
  SteadyClock::time_point start = SteadyClock::now();
  for (const std::string& user : users) {
    SteadyClock::time_point sent = SteadyClock::now();
    RETURN_IF_ERROR(look_up(user));
    nanoseconds.push_back((SteadyClock::now() - sent) / std::chrono::nanoseconds(1));
  }
  double cpu_seconds = ThreadCpuSeconds() - cpu_start;
  double seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
  std::sort(nanoseconds.begin(), nanoseconds.end());
  auto micros = [&](double share) {
    auto last = static_cast<double>(nanoseconds.size() - 1);
    return static_cast<double>(nanoseconds[static_cast<size_t>(share * last)]) / 1000;
  };
  fmt::print(
      R"({{"what": "{}", "state": "{}", "keys": {}, "requests": {}, "per_second": {:.0f}, )"
      R"("per_cpu_second": {:.0f}, "p50_us": {:.2f}, "p99_us": {:.2f}, "p999_us": {:.2f}}})"
      "\n",
      what, state, flags_.keys, flags_.lookups, static_cast<double>(flags_.lookups) / seconds,
      static_cast<double>(flags_.lookups) / cpu_seconds, micros(0.5), micros(0.99), micros(0.999));
  return absl::OkStatus();
}

absl::Status LookupBench::MeasureAll(const char* state) const {
  const v1::Entity& entity = *plans_[0].views[0].entity;
  const int view = plans_[0].views[0].view;
  RETURN_IF_ERROR(Measure("Task::Lookup", state, [&](const std::string& user) {
    return task_->Lookup(view, EncodeKey(entity, {Value(user)}), std::nullopt).status();
  }));
  FeatureReader reader(project(), [&](int view, std::string_view key, std::optional<KnownTime> at) {
    return task_->Lookup(view, key, at);
  });
  std::string all = project().feature_views(view).name() + ".*";
  ReadRequest request{.features = {all}, .entities = {{}}};
  return Measure("FeatureReader::Read", state, [&](const std::string& user) {
    request.entities[0] = {{"user_id", Value(user)}};
    return reader.Read(request).status();
  });
}

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) {
  forebay::Flags flags;
  CLI::App app("Times lookups of one task in this process");
  app.add_option("--project", flags.project, "A project with one view by user_id")->required();
  app.add_option("--folder", flags.folder, "An empty folder for the state")->required();
  app.add_option("--keys", flags.keys, "Keys with state")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--lookups", flags.lookups, "Of each kind")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  auto bench = forebay::LookupBench::Create(flags);
  absl::Status ran = bench.ok() ? (*bench)->Run() : bench.status();
  if (ran.ok()) return 0;
  fmt::print(stderr, "lookup_bench: {}\n", std::string(ran.message()));
  return 1;
}
