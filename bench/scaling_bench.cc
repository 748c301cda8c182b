// What an event costs in the engine alone: decoded batches in memory through the tasks of a
// project, one after the other on one thread.
//
//   scaling_bench --project bench/transactions --folder /tmp/x --events 1000000 --users 100000
//
// Prints one line of JSON. The time is the thread's, from the first batch to the last; making the
// batches is not in it, nor is a commit.
#include <librdkafka/rdkafka.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/transaction_batch.h"
#include "bench/transaction_stream.h"
#include "engine/task/rows_sink.h"
#include "engine/task/task.h"
#include "engine/task/task_plan.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "online/store/store_factory.h"
#include "schemas/definition/project.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr size_t kBatchEvents = 4096;
constexpr size_t kHotBytes = size_t{64} << 30;  // nothing leaves the hot map

struct Flags {
  std::string project, folder;
  uint64_t events = 1'000'000;
  int32_t partitions = 1;
  TransactionStreamOptions stream;
};

struct TaskBatch {
  size_t partition;
  EventBatch events;
};

double ThreadCpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// All events, by partition, in the order in which a worker would meet them.
std::vector<TaskBatch> MakeBatches(const Flags& flags, const TaskPlan& plan) {
  std::vector<TaskBatch> batches;
  std::vector<TransactionBatch> open;
  for (int32_t p = 0; p < flags.partitions; ++p) open.emplace_back(plan);
  std::vector<int64_t> offsets(open.size());
  TransactionStream stream(flags.stream);
  Transaction transaction;
  for (uint64_t i = 0; i < flags.events; ++i) {
    stream.Next(&transaction);
    const std::string& key = transaction.user_id;
    const auto p = static_cast<size_t>(rd_kafka_msg_partitioner_murmur2(
        nullptr, key.data(), key.size(), flags.partitions, nullptr, nullptr));
    open[p].Add(transaction, Offset(offsets[p]++));
    if (open[p].size() == kBatchEvents) batches.push_back({p, open[p].Finish()});
  }
  for (size_t p = 0; p < open.size(); ++p) {
    if (open[p].size() > 0) batches.push_back({p, open[p].Finish()});
  }
  return batches;
}

absl::Status Run(const Flags& flags) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadProject(flags.project, nullptr));
  ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanTasks(*loaded.project));
  StoreFactory stores(flags.folder, StoreLimits());
  RowsSink rows(*loaded.project);
  std::vector<std::unique_ptr<Task>> tasks;
  for (int32_t p = 0; p < flags.partitions; ++p) {
    TaskId id{plans[0].topic, PartitionId(p)};
    ASSIGN_OR_RETURN(std::unique_ptr<StateStore> store, stores.Open(id));
    ASSIGN_OR_RETURN(tasks.emplace_back(),
                     Task::Open(plans[0], id, flags.partitions, {.next = Offset::Max()},
                                std::move(store), kHotBytes));
    tasks.back()->DeliverTo({&rows});
  }
  std::vector<TaskBatch> batches = MakeBatches(flags, plans[0]);
  const double start = ThreadCpuSeconds();
  for (TaskBatch& batch : batches) {
    Task& task = *tasks[batch.partition];
    RETURN_IF_ERROR(task.Apply(batch.events));
    task.Cut(CutOf::kOutputs);
  }
  const double seconds = ThreadCpuSeconds() - start;
  fmt::print(R"({{"events": {}, "partitions": {}, "cpu_seconds": {:.3f}, "ns_per_event": {:.1f}}})"
             "\n",
             flags.events, flags.partitions, seconds,
             seconds * 1e9 / static_cast<double>(flags.events));
  return absl::OkStatus();
}

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) {
  forebay::Flags flags;
  CLI::App app("Times events through the engine alone, on one thread");
  app.add_option("--project", flags.project, "A project that reads one topic of transactions")
      ->required();
  app.add_option("--folder", flags.folder, "An empty folder for the state")->required();
  app.add_option("--events", flags.events, "How many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--partitions", flags.partitions, "Tasks, each with the keys of one partition")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--users", flags.stream.users, "At most so many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--zipf", flags.stream.zipf, "How unevenly users share the events; 0: evenly")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--late-percent", flags.stream.late_percent, "Events up to two minutes late")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  app.add_option("--key-length", flags.stream.key_length, "Of a user_id, in bytes")
      ->check(CLI::Range(8, 1000))
      ->capture_default_str();
  app.add_option("--in-three-days", flags.stream.in_three_days,
                 "How many events it takes to fill three days of event time")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  absl::Status ran = forebay::Run(flags);
  if (ran.ok()) return 0;
  fmt::print(stderr, "scaling_bench: {}\n", std::string(ran.message()));
  return 1;
}
