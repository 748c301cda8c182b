#include "cli/lane.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "cli/backfill_process.h"
#include "schemas/definition/lookup.h"
#include "schemas/definition/project.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr absl::Duration kLookInterval = absl::Milliseconds(200);
// So old may the ends be that a lane has reached when it has met the head.
constexpr absl::Duration kHeadAge = absl::Seconds(2);
constexpr absl::Duration kEndsPatience = absl::Seconds(2);

bool ReadsFilesFirst(const v1::Project& project) {
  return std::any_of(project.feature_views().begin(), project.feature_views().end(),
                     [&](const v1::FeatureView& view) {
                       return !view.disabled() &&
                              HasFilesBeforeTopic(*FindSource(project, view.source()));
                     });
}

}  // namespace

Lane::Lane(const v1::Project& project, const PipelineContext& context,
           std::shared_ptr<Pipeline> worker, KafkaConsumer* member)
    : project_(project),
      context_(context),
      limits_{.block_cache_bytes = context.config->block_cache_bytes / 4},
      worker_(std::move(worker)),
      member_(member),
      state_(context.folder->path()) {}

absl::StatusOr<std::unique_ptr<Lane>> Lane::Start(const v1::Project& project,
                                                  const PipelineContext& context,
                                                  std::shared_ptr<Pipeline> worker,
                                                  KafkaConsumer* member) {
  std::unique_ptr<Lane> lane(new Lane(project, context, std::move(worker), member));
  if (ReadsFilesFirst(project)) {
    lane->files_thread_ = std::thread([of = lane.get()] { of->ReadFiles(); });
  } else {
    RETURN_IF_ERROR(lane->FollowTopics());
  }
  return lane;
}

Lane::~Lane() {
  stop_ = true;
  if (files_thread_.joinable()) files_thread_.join();
}

void Lane::ReadFiles() {
  LoadedProject loaded;
  *loaded.project = project_;
  loaded.config = *context_.config;
  loaded.config.state = LanePath(state_);
  auto read = RunBackfill(loaded, {.quiet = true}, stop_);
  absl::MutexLock lock(&files_mutex_);
  files_ = read.ok() && !*read ? absl::CancelledError("stopped") : read.status();
}

absl::Status Lane::FollowTopics() {
  ASSIGN_OR_RETURN(folder_, LaneFolder::Open(state_, project_.name(), limits_));
  PipelineOptions::Beside beside{.stores = context_.stores};
  for (const TaskPlan& plan : worker_->plans()) {
    for (const ForwardPlan& forward : plan.forwards) beside.fed.insert(forward.topic);
  }
  context_.folder = &folder_->folder();
  context_.stores = &folder_->stores();
  pipeline_ =
      std::make_unique<Pipeline>(project_, context_, PipelineOptions{.beside = std::move(beside)});
  RETURN_IF_ERROR(pipeline_->Plan());
  RETURN_IF_ERROR(pipeline_->PrepareTopics());
  KafkaConsumer::Options consumer{.kafka = context_.kafka, .topics = pipeline_->topics()};
  consumer.owner.assigned = [this](absl::Span<const TaskId> tasks) {
    return pipeline_->AddTasks(tasks);
  };
  consumer.owner.revoked = [](absl::Span<const TaskId>, bool) {};
  ASSIGN_OR_RETURN(consumer_, KafkaConsumer::Create(std::move(consumer)));
  pipeline_->Connect(consumer_.get(), member_);
  RETURN_IF_ERROR(consumer_->Take(TasksToRead()));
  began_ = absl::Now();
  for (const auto& task : pipeline_->worker().Tasks()) first_[task->task().id()] = task->position();
  return absl::OkStatus();
}

// Of each topic the partitions that the worker has of the source.
std::vector<TaskId> Lane::TasksToRead() const {
  std::vector<TaskId> tasks;
  for (const TaskPlan& plan : pipeline_->plans()) {
    for (const auto& task : worker_->worker().Tasks()) {
      if (task->task().id().topic == plan.source->topic() && !task->lost())
        tasks.push_back({plan.topic, task->task().id().partition});
    }
  }
  return tasks;
}

absl::Status Lane::Poll() {
  if (pipeline_ == nullptr) {
    {
      absl::MutexLock lock(&files_mutex_);
      if (!files_) return absl::OkStatus();
      RETURN_IF_ERROR(*files_);
    }
    files_thread_.join();
    return FollowTopics();
  }
  RETURN_IF_ERROR(consumer_->Poll(absl::ZeroDuration()));
  RETURN_IF_ERROR(pipeline_->worker().status());
  RETURN_IF_ERROR(pipeline_->worker().setback());
  absl::Status flushed = pipeline_->offline().last_flush_error();
  if (!IsTransient(flushed)) RETURN_IF_ERROR(flushed);
  RETURN_IF_ERROR(pipeline_->WatchTopics());
  if (absl::Now() < next_look_) return absl::OkStatus();
  next_look_ = absl::Now() + kLookInterval;
  return LookForHead();
}

absl::Status Lane::LookForHead() {
  std::vector<TaskId> tasks;
  bool reached = pipeline_->worker().Ready().ok();
  for (const auto& task : pipeline_->worker().Tasks()) {
    const TaskId& id = task->task().id();
    tasks.push_back(id);
    auto goal = goal_.find(id);
    reached = reached && goal != goal_.end() && task->position() + 1 >= goal->second;
  }
  const absl::Time now = absl::Now();
  has_met_head_ = reached && now - goal_time_ < kHeadAge;
  if (has_met_head_ || (!reached && !goal_.empty())) return absl::OkStatus();
  absl::StatusOr<std::vector<Offset>> ends = pipeline_->source().QueryEnds(tasks, kEndsPatience);
  if (!ends.ok()) return absl::OkStatus();  // asked again
  for (size_t i = 0; i < tasks.size(); ++i) goal_[tasks[i]] = (*ends)[i];
  goal_time_ = now;
  return absl::OkStatus();
}

Lane::Progress Lane::progress() const {
  Progress progress{.files = pipeline_ == nullptr};
  if (pipeline_ == nullptr) return progress;
  int64_t since = 0;
  for (const auto& task : pipeline_->worker().Tasks()) {
    const TaskId& id = task->task().id();
    const int64_t position = task->position().value() + 1;
    progress.read += position;
    auto goal = goal_.find(id);
    progress.all += std::max(position, goal == goal_.end() ? 0 : goal->second.value());
    auto first = first_.find(id);
    if (first != first_.end()) since += position - (first->second.value() + 1);
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - began_);
  if (seconds > 0) progress.per_second = static_cast<double>(since) / seconds;
  return progress;
}

absl::Status Lane::Stop(bool lost) {
  stop_ = true;
  if (files_thread_.joinable()) files_thread_.join();
  if (pipeline_ == nullptr) return absl::OkStatus();
  std::vector<TaskId> tasks;
  for (const auto& task : pipeline_->worker().Tasks()) tasks.push_back(task->task().id());
  absl::Status removed = pipeline_->worker().RemoveTasks(tasks, lost);
  absl::Status stopped = pipeline_->worker().Stop();
  consumer_->Close();
  // The stores are closed with it.
  pipeline_.reset();
  consumer_.reset();
  return removed.ok() ? stopped : removed;
}

}  // namespace forebay
