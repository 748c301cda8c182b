#include "cli/backfill_process.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/functional/function_ref.h"
#include "cli/backfill_mark.h"
#include "cli/backfill_plan.h"
#include "cli/newest_updates.h"
#include "cli/progress_line.h"
#include "cli/run_summary.h"
#include "connectors/dead_letter/dead_letter_log.h"
#include "connectors/file/file_source.h"
#include "connectors/object_store/object_store.h"
#include "engine/task/task_plan.h"
#include "engine/worker/worker.h"
#include "forebay/v1/definition.pb.h"
#include "offline/sink/offline_sink.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(50);

class BackfillProcess {
 public:
  BackfillProcess(const LoadedProject& loaded, const BackfillOptions& options,
                  const std::atomic<bool>& stop)
      : loaded_(loaded), options_(options), stop_(stop) {}

  absl::StatusOr<std::optional<std::vector<std::string>>> Run() {
    RETURN_IF_ERROR(Plan());
    RETURN_IF_ERROR(OpenFolders());
    RETURN_IF_ERROR(Count());
    RETURN_IF_ERROR(OpenSource());
    OpenWorker();
    worker_->Start();
    absl::Status read = Read();
    if (!read.ok()) worker_->Fail(read);
    source_->Close();
    absl::Status stopped = worker_->Stop();
    if (!options_.quiet) dead_letters_.SayRest();
    RETURN_IF_ERROR(read);
    RETURN_IF_ERROR(stopped);
    if (summary_.empty()) return std::nullopt;
    CrashPoint("backfill.read");
    if (!options_.part) RETURN_IF_ERROR(PublishNewest());
    if (summary_.empty()) return std::nullopt;
    RETURN_IF_ERROR(ForEachTask([this](const TaskPlan&, const TaskId& task) {
      return MarkBackfilled(state_folder_->path(), task);
    }));
    return summary_;
  }

 private:
  const v1::Project& project() const { return *loaded_.project; }
  const ProjectConfig& config() const { return loaded_.config; }

  absl::Status Plan();
  absl::Status Count();
  bool Takes(const std::string& topic, int partition) const;
  absl::Status OpenFolders();
  absl::Status ForEachTask(
      absl::FunctionRef<absl::Status(const TaskPlan&, const TaskId&)> visit) const;
  absl::Status KeepUntil();
  absl::Status OpenSource();
  void OpenWorker();
  absl::Status Read();
  absl::Status PublishNewest();
  // Or what is wanted of all.
  bool AllRead() const;

  const LoadedProject& loaded_;
  const BackfillOptions options_;
  const std::atomic<bool>& stop_;
  std::vector<TaskPlan> plans_;
  Worker::PartitionCounts partitions_;
  WallClock clock_;
  std::optional<StateFolder> state_folder_;
  std::unique_ptr<StoreFactory> stores_;
  std::unique_ptr<OfflineSink> offline_;
  DeadLetterLog dead_letters_{[](const std::string& line) { spdlog::warn("{}", line); },
                              std::chrono::steady_clock::now};
  std::unique_ptr<FileSource> source_;
  std::unique_ptr<Worker> worker_;
  std::vector<std::string> summary_;  // once all has been read
};

absl::Status BackfillProcess::Plan() {
  ASSIGN_OR_RETURN(plans_, PlanBackfill(project(), options_.views));
  if (!options_.part) return absl::OkStatus();
  std::erase_if(plans_, [&](const TaskPlan& plan) { return !options_.part->contains(plan.topic); });
  return absl::OkStatus();
}

absl::Status BackfillProcess::Count() {
  if (options_.part) {
    for (const auto& [topic, of] : *options_.part) partitions_[topic] = of.partitions;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(auto counts, CountPartitions(plans_, config(), stop_));
  partitions_.insert(counts.begin(), counts.end());
  return absl::OkStatus();
}

bool BackfillProcess::Takes(const std::string& topic, int partition) const {
  return !options_.part || options_.part->at(topic).taken.contains(partition);
}

absl::Status BackfillProcess::OpenFolders() {
  ASSIGN_OR_RETURN(state_folder_, OpenStateFolder(config().state, project().name()));
  RETURN_IF_ERROR(state_folder_->CheckViews(FingerprintsOf(plans_)));
  stores_ = std::make_unique<StoreFactory>(
      state_folder_->path(), StoreLimits{.block_cache_bytes = config().block_cache_bytes});
  offline_ = std::make_unique<OfflineSink>(
      project(),
      OfflineSinkOptions{.state_folder = config().state.string(),
                         .warehouse = OpenObjectStore(config().warehouse, config().s3),
                         .flush_interval = absl::Microseconds(config().flush_interval_us),
                         .flush_bytes = config().flush_bytes,
                         .parquet_encoding = config().parquet_encoding,
                         .fingerprints = FingerprintsOf(plans_),
                         .say = [](const std::string& message) { spdlog::warn("{}", message); }});
  return offline_->CheckWritable();
}

// That runs here.
absl::Status BackfillProcess::ForEachTask(
    absl::FunctionRef<absl::Status(const TaskPlan&, const TaskId&)> visit) const {
  for (const TaskPlan& plan : plans_) {
    for (int i = 0; i < partitions_.at(plan.topic); ++i) {
      if (Takes(plan.topic, i)) RETURN_IF_ERROR(visit(plan, {plan.topic, PartitionId(i)}));
    }
  }
  return absl::OkStatus();
}

// The tasks read the files up to there from here on, and are not done with it.
absl::Status BackfillProcess::KeepUntil() {
  const std::filesystem::path& state = state_folder_->path();
  RETURN_IF_ERROR(ForEachTask([&](const TaskPlan& plan, const TaskId& task) {
    return HasFilesBeforeTopic(*plan.source) ? CheckUntil(state, task, *plan.source)
                                             : absl::OkStatus();
  }));
  return ForEachTask([&](const TaskPlan& plan, const TaskId& task) {
    RETURN_IF_ERROR(UnmarkBackfilled(state, task));
    return HasFilesBeforeTopic(*plan.source) ? NoteUntil(state, task, *plan.source)
                                             : absl::OkStatus();
  });
}

absl::Status BackfillProcess::OpenSource() {
  std::vector<FileTopic> topics;
  for (const TaskPlan& plan : plans_) {
    auto list = [&plan, s3 = config().s3] { return ListFilesOf(plan, s3); };
    ASSIGN_OR_RETURN(BatchFiles files, list());
    FileTopic topic{.plan = &plan,
                    .files = std::move(files),
                    .partitions = partitions_.at(plan.topic),
                    .list_again = list};
    if (options_.part) {
      const BackfillPart& part = options_.part->at(plan.topic);
      topic.taken = part.taken;
      if (topic.files.Identity() != part.files) {
        return absl::FailedPreconditionError(
            fmt::format("the files of source {} are not those that the backfill was divided for: "
                        "divide it again",
                        plan.source->name()));
      }
    }
    topics.push_back(std::move(topic));
  }
  RETURN_IF_ERROR(KeepUntil());
  FileSourceOptions options{.events_per_second = options_.events_per_second};
  options.owner.assigned =
      [this](absl::Span<const TaskId> tasks) -> absl::StatusOr<std::vector<std::optional<Offset>>> {
    ASSIGN_OR_RETURN(auto positions, worker_->AddTasks(tasks));
    RETURN_IF_ERROR(state_folder_->KeepViews(FingerprintsOf(plans_)));
    return positions;
  };
  options.owner.revoked = [this](absl::Span<const TaskId> tasks, bool lost) {
    absl::Status removed = worker_->RemoveTasks(tasks, lost);
    if (IsTransient(removed)) spdlog::warn("{}; nothing is lost", std::string(removed.message()));
  };
  source_ = std::make_unique<FileSource>(std::move(topics), std::move(options));
  return absl::OkStatus();
}

void BackfillProcess::OpenWorker() {
  WorkerOptions options{.threads = static_cast<int>(config().task_threads),
                        .commit_interval = absl::Microseconds(config().commit_interval_us),
                        .state_interval = absl::Microseconds(config().state_interval_us),
                        .commit_bytes = static_cast<size_t>(config().commit_bytes),
                        .hot_bytes = static_cast<size_t>(config().hot_map_bytes)};
  worker_ = std::make_unique<Worker>(
      project(), plans_, partitions_, options, source_.get(),
      std::vector<Sink*>{offline_.get(), &dead_letters_},
      [this](const TaskId& task) { return stores_->Open(task); }, &clock_);
}

bool BackfillProcess::AllRead() const {
  const auto tasks = worker_->Tasks();
  return !tasks.empty() && std::all_of(tasks.begin(), tasks.end(), [&](const auto& task) {
    const bool enough =
        options_.until_complete && task->complete_before() >= *options_.until_complete;
    return (task->at_end() || enough) && !task->lost();
  });
}

absl::Status BackfillProcess::Read() {
  ProgressLine progress(options_.doing, "rows");
  while (!stop_.load()) {
    RETURN_IF_ERROR(source_->Poll(kPoll));
    RETURN_IF_ERROR(worker_->status());
    if (absl::Status setback = worker_->setback(); !setback.ok()) {
      spdlog::warn("{}: taking up the tasks again from their last states",
                   std::string(setback.message()));
      source_->JoinAgain();
    }
    absl::Status flushed = offline_->last_flush_error();
    if (!flushed.ok() && !IsTransient(flushed)) return flushed;
    if (!options_.quiet) dead_letters_.SayDue();
    const double part = source_->Progress();
    const int64_t rows = source_->rows();
    progress.Show(rows, part > 0.001 ? static_cast<int64_t>(static_cast<double>(rows) / part) : 0);
    if (!AllRead()) continue;
    if (options_.until_complete) RETURN_IF_ERROR(source_->CheckFilesUnchanged());
    RETURN_IF_ERROR(worker_->Commit());
    summary_ = RunSummary(worker_->Tasks(), dead_letters_.Counts());
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status BackfillProcess::PublishNewest() {
  absl::StatusOr<std::vector<std::string>> done = PublishNewestRows(loaded_, plans_, stop_);
  if (stop_.load() && (IsTransient(done.status()) || absl::IsCancelled(done.status()))) {
    summary_.clear();
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(done.status());
  summary_.insert(summary_.end(), done->begin(), done->end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<std::vector<std::string>>> RunBackfill(const LoadedProject& loaded,
                                                                    const BackfillOptions& options,
                                                                    const std::atomic<bool>& stop) {
  return BackfillProcess(loaded, options, stop).Run();
}

}  // namespace forebay
