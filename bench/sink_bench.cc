// The sinks alone: the change records of card transactions, made first and held in memory, are
// published to Kafka in transactions, and kept in change log and Delta table, which is then
// compacted; so are the events, for their archive. One thread drives each stage; prints a line of
// JSON for each.
//
//   sink_bench --project bench/transactions --folder /tmp/x --brokers 127.0.0.1:9092
//
// cpu_ns: of the driving thread; process_cpu_ns: of all threads until everything is acknowledged;
// both per change record, or per event.
#include <arrow/api.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "bench/transaction_batch.h"
#include "bench/transaction_stream.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/record_limits.h"
#include "connectors/kafka/transactional_producer.h"
#include "connectors/kafka/update_writer.h"
#include "engine/task/task.h"
#include "engine/task/task_plan.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "offline/compaction/compaction.h"
#include "offline/delta/delta_table.h"
#include "offline/sink/offline_sink.h"
#include "online/store/store_factory.h"
#include "schemas/definition/project.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr size_t kBatchRecords = 4096;
constexpr size_t kHotBytes = size_t{4} << 30;
constexpr int kBatchesPerCommit = 10;

double CpuSeconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Flags {
  std::string project;
  std::string folder;
  std::string brokers;
  int64_t events = 300'000;
  int repeats = 3;
  std::string stage;
  int64_t flush_bytes = 64 << 20;
  std::map<std::string, std::string> kafka;
};

// What a task made between two commits. The features of bench/transactions are no texts.
struct Steps final : SinkPart {
  struct Step {
    std::string key;
    Change change;
    std::vector<Scalar> features;
  };

  explicit Steps(size_t features) : features(features) {}

  void Take(int, const Change& change, const Scalar* values) override {
    steps.push_back({std::string(change.key.bytes), change, {values, values + features}});
  }
  void TakeEvents(const std::shared_ptr<arrow::RecordBatch>& rows) override {
    events.push_back(rows);
  }
  void Finish(const TaskOutput&) override {
    for (Step& step : steps) step.change.key.bytes = step.key;
  }
  size_t bytes() const override { return 0; }

  void GiveTo(SinkPart* part, const TaskOutput& output) const {
    for (const Step& step : steps) part->Take(0, step.change, step.features.data());
    part->Finish(output);
  }
  void GiveEventsTo(SinkPart* part, const TaskOutput& output) const {
    for (const auto& rows : events) part->TakeEvents(rows);
    part->Finish(output);
  }

  const size_t features;
  std::vector<Step> steps;
  std::vector<std::shared_ptr<arrow::RecordBatch>> events;
};

class StepsSink final : public Sink {
 public:
  explicit StepsSink(size_t features) : features_(features) {}

  WantedSteps Wants(int) const override { return {WantedSteps::Which::kEvery}; }
  std::unique_ptr<SinkPart> Prepare(const TaskId&) override {
    return std::make_unique<Steps>(features_);
  }
  absl::StatusOr<Offset> Open(const TaskId&) override { return Offset(-1); }
  absl::Status Commit(absl::Span<const TaskOutput* const>) override { return absl::OkStatus(); }

 private:
  const size_t features_;
};

class SinkBench {
 public:
  explicit SinkBench(const Flags& flags) : flags_(flags) {}

  absl::Status Run() {
    ASSIGN_OR_RETURN(LoadedProject loaded, LoadProject(flags_.project, nullptr));
    project_ = *loaded.project;
    project_.mutable_sources(0)->set_archive(true);
    RETURN_IF_ERROR(MakeSteps());
    for (v1::FeatureView::UpdateFormat format :
         {v1::FeatureView::UPDATE_JSON, v1::FeatureView::UPDATE_PROTOBUF}) {
      if (flags_.brokers.empty()) break;
      std::string name = format == v1::FeatureView::UPDATE_JSON ? "json" : "protobuf";
      project_.mutable_feature_views(0)->set_update_format(format);
      RETURN_IF_ERROR(Measure("publish " + name, changes_, [this] { return Publish(); }));
    }
    for (What what : {What::kChanges, What::kEvents}) {
      std::string name = Prefix(what);
      int64_t rows = what == What::kChanges ? changes_ : events_;
      RETURN_IF_ERROR(Measure(name + "change log", rows, [=, this] { return Keep(what, false); }));
      RETURN_IF_ERROR(
          Measure(name + "change log and table", rows, [=, this] { return Keep(what, true); }));
      for (int i = 0; i < flags_.repeats; ++i) RETURN_IF_ERROR(Compact(what));
    }
    return absl::OkStatus();
  }

 private:
  enum class What { kChanges, kEvents };

  static std::string Prefix(What what) { return what == What::kChanges ? "" : "events, "; }

  absl::Status MakeSteps();
  const Steps& StepsOf(const TaskOutput& commit) const {
    return *commit.PartOf<Steps>(steps_.get());
  }
  // `rows`: that a run takes through the stage.
  absl::Status Measure(const std::string& stage, int64_t rows,
                       const std::function<absl::Status()>& run) const;
  absl::Status Publish() const;
  absl::Status Keep(What what, bool flush) const;
  absl::Status Compact(What what) const;

  const Flags flags_;
  v1::Project project_;
  TaskId task_;
  std::unique_ptr<StepsSink> steps_;
  std::vector<TaskOutput> commits_;
  int64_t changes_ = 0;
  int64_t events_ = 0;
};

absl::Status SinkBench::MakeSteps() {
  ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanTasks(project_));
  task_ = {plans[0].topic, PartitionId(0)};
  StoreFactory stores(flags_.folder, StoreLimits());
  ASSIGN_OR_RETURN(std::unique_ptr<StateStore> store, stores.Open(task_));
  ASSIGN_OR_RETURN(
      std::unique_ptr<Task> task,
      Task::Open(plans[0], task_, 1, {.next = Offset::Max()}, std::move(store), kHotBytes));
  steps_ = std::make_unique<StepsSink>(plans[0].views[0].tiles.feature_count());
  task->DeliverTo({steps_.get()});
  TransactionStream stream({});
  TransactionBatch events(plans[0]);
  Transaction transaction;
  for (int64_t i = 0; i < flags_.events;) {
    for (int batch = 0; batch < kBatchesPerCommit; ++batch) {
      while (events.size() < kBatchRecords) {
        stream.Next(&transaction);
        events.Add(transaction, Offset(i++));
      }
      RETURN_IF_ERROR(task->Apply(events.Finish()));
    }
    commits_.push_back(task->Cut(CutOf::kOutputs).output);
    changes_ += static_cast<int64_t>(StepsOf(commits_.back()).steps.size());
    for (const auto& rows : StepsOf(commits_.back()).events) events_ += rows->num_rows();
  }
  return absl::OkStatus();
}

absl::Status SinkBench::Measure(const std::string& stage, int64_t rows,
                                const std::function<absl::Status()>& run) const {
  if (stage.find(flags_.stage) == std::string::npos) return absl::OkStatus();
  for (int i = 0; i < flags_.repeats; ++i) {
    double thread = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
    double process = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID);
    RETURN_IF_ERROR(run());
    thread = CpuSeconds(CLOCK_THREAD_CPUTIME_ID) - thread;
    process = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID) - process;
    double count = static_cast<double>(rows);
    fmt::print(
        "{{\"bench\": \"sink\", \"stage\": \"{}\", \"records\": {}, \"cpu_ns\": {:.0f}, "
        "\"process_cpu_ns\": {:.0f}, \"records_per_cpu_second\": {:.0f}}}\n",
        stage, rows, thread / count * 1e9, process / count * 1e9, count / process);
  }
  return absl::OkStatus();
}

absl::Status SinkBench::Publish() const {
  KafkaConfig kafka{.bootstrap_servers = flags_.brokers, .properties = flags_.kafka};
  ASSIGN_OR_RETURN(std::unique_ptr<KafkaAdmin> admin, KafkaAdmin::Create(kafka));
  RETURN_IF_ERROR(admin->CreateTopic({.name = UpdateTopic(project_, 0), .partitions = 1}));
  ASSIGN_OR_RETURN(auto producer, TransactionalProducer::Create(kafka, "sink-bench", nullptr));
  RecordLimits limits(kafka);
  UpdateWriter writer(project_, task_, limits);
  for (const TaskOutput& commit : commits_) {
    std::unique_ptr<UpdatePart> part = writer.NewPart();
    StepsOf(commit).GiveTo(part.get(), commit);
    RETURN_IF_ERROR(producer->Begin());
    RETURN_IF_ERROR(writer.Write({commit, part.get()}, Offset(-1), producer->records()));
    RETURN_IF_ERROR(producer->Commit());
  }
  return absl::OkStatus();
}

absl::Status SinkBench::Keep(What what, bool flush) const {
  std::string folder = flags_.folder + "/offline";
  std::filesystem::remove_all(folder);
  OfflineSink sink(project_, {.state_folder = folder + "/state",
                              .warehouse = OpenObjectStore(StoreUri::Folder(folder + "/warehouse")),
                              .flush_interval = absl::InfiniteDuration(),
                              .flush_bytes = int64_t{1} << 40});
  RETURN_IF_ERROR(sink.Open(task_).status());
  for (const TaskOutput& commit : commits_) {
    TaskOutput output{.task = task_, .position = commit.position, .clock = commit.clock};
    output.parts.emplace_back(&sink, sink.Prepare(task_));
    SinkPart* part = output.parts[0].second.get();
    if (what == What::kChanges) {
      StepsOf(commit).GiveTo(part, output);
    } else {
      StepsOf(commit).GiveEventsTo(part, output);
    }
    RETURN_IF_ERROR(sink.Commit({&output}));
    if (flush && sink.pending_bytes() > flags_.flush_bytes) RETURN_IF_ERROR(sink.FlushAll());
  }
  return flush ? sink.FlushAll() : absl::OkStatus();
}

// The table that Keep left, in which each flush is a file of each date.
absl::Status SinkBench::Compact(What what) const {
  const std::string stage = Prefix(what) + "compaction";
  if (stage.find(flags_.stage) == std::string::npos) return absl::OkStatus();
  RETURN_IF_ERROR(Keep(what, /*flush=*/true));
  std::shared_ptr<ObjectStore> store =
      OpenObjectStore(StoreUri::Folder(flags_.folder + "/offline/warehouse"));
  const v1::FeatureView& view = project_.feature_views(0);
  const TableId id = what == What::kChanges ? TableId(view.name(), view.version())
                                            : TableId::OfEvents(project_.sources(0).name());
  ASSIGN_OR_RETURN(auto table, DeltaTable::Open(store, OfflineTablePath(id)));
  CompactionOptions options;
  options.limits.loose_files = 1;
  options.now_us = [] { return absl::ToUnixMicros(absl::Now()); };
  double process = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID);
  ASSIGN_OR_RETURN(CompactionResult result, CompactTable(store, table.get(), options));
  process = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID) - process;
  const auto rows = static_cast<double>(result.rows);
  fmt::print(
      "{{\"bench\": \"sink\", \"stage\": \"{}\", \"records\": {}, \"files_before\": {}, "
      "\"files_after\": {}, \"bytes_per_record_before\": {:.1f}, \"bytes_per_record\": {:.1f}, "
      "\"cpu_ns\": {:.0f}, \"output_mb_per_cpu_second\": {:.0f}}}\n",
      stage, result.rows, result.files_before, result.files_after,
      static_cast<double>(result.bytes_before) / rows,
      static_cast<double>(result.bytes_after) / rows, process / rows * 1e9,
      static_cast<double>(result.bytes_after) / process / 1e6);
  return absl::OkStatus();
}

}  // namespace
}  // namespace forebay

int main(int argc, char** argv) {
  forebay::Flags flags;
  CLI::App app("Change records through the sinks");
  app.add_option("--project", flags.project, "The folder of bench/transactions")->required();
  app.add_option("--folder", flags.folder, "An empty folder for state and tables")->required();
  app.add_option("--brokers", flags.brokers, "A Kafka broker; none: nothing is published");
  app.add_option("--events", flags.events, "Transactions")->capture_default_str();
  app.add_option("--repeats", flags.repeats, "Runs of each stage")->capture_default_str();
  app.add_option("--stage", flags.stage, "Only stages whose name has this");
  app.add_option("--flush-bytes", flags.flush_bytes, "Of the change log, in one flush")
      ->capture_default_str();
  app.add_option("--kafka", flags.kafka, "librdkafka's properties: NAME VALUE ...");
  CLI11_PARSE(app, argc, argv);
  absl::Status status = forebay::SinkBench(flags).Run();
  if (status.ok()) return 0;
  fmt::print(stderr, "sink_bench: {}\n", std::string(status.message()));
  return 1;
}
