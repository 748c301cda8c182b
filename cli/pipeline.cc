#include "cli/pipeline.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "cli/ask_patiently.h"
#include "cli/backfill_mark.h"
#include "cli/clock_report.h"
#include "connectors/kafka/files_end.h"
#include "connectors/kafka/repartition_record.h"
#include "connectors/kafka/topics.h"
#include "connectors/kafka/update_sink.h"
#include "engine/task/adopted_views.h"
#include "schemas/definition/feature_names.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Beside a lane, most of the memory is the worker's.
constexpr int64_t kLaneShare = 4;

// Of what a commit may hold, a part.
size_t EarlyBytes(int64_t commit_bytes) {
  return std::min(static_cast<size_t>(commit_bytes / 8), OfflineSinkOptions().early_bytes);
}

// Of what the task has read for its views before it was opened; nullopt: for none of them.
std::optional<Offset> LeastPosition(const Task& task) {
  std::optional<Offset> least;
  for (const ViewCoverage& view : task.coverage()) {
    if (view.from >= Offset(0)) least = std::min(least.value_or(view.from), view.from);
  }
  return least;
}

// Of what is read beside another pipeline, only what that does not do.
void LeaveToOther(const std::set<std::string>& fed, std::vector<TaskPlan>* plans) {
  for (TaskPlan& plan : *plans) {
    plan.archive.reset();
    plan.reports_refused = false;
    std::erase_if(plan.forwards,
                  [&](const ForwardPlan& forward) { return fed.contains(forward.topic); });
  }
  std::erase_if(*plans,
                [](const TaskPlan& plan) { return plan.views.empty() && plan.forwards.empty(); });
}

}  // namespace

bool HasEnabledView(const v1::Project& project) {
  return std::any_of(project.feature_views().begin(), project.feature_views().end(),
                     [](const v1::FeatureView& view) { return !view.disabled(); });
}

absl::Status Pipeline::Plan() {
  RETURN_IF_ERROR(PlanAllTasks());
  RETURN_IF_ERROR(context_.folder->CheckViews(Fingerprints()));
  MakeOffline();
  return offline_->CheckWritable();
}

ViewFingerprints Pipeline::Fingerprints() const {
  ViewFingerprints fingerprints;
  for (const TaskPlan& plan : plans_) {
    for (const ViewTaskPlan& view : plan.views)
      fingerprints[{view.definition->name(), view.definition->version()}] = view.fingerprint;
  }
  return fingerprints;
}

absl::Status Pipeline::PlanAllTasks() {
  ASSIGN_OR_RETURN(plans_, PlanTasks(project_));
  if (plans_.empty() && HasEnabledView(project_)) {
    return absl::FailedPreconditionError(
        "no source of the project's feature views has a topic: a worker has nothing to read. "
        "`forebay backfill` computes the features of what is in files");
  }
  ASSIGN_OR_RETURN(auto from_now, FindViews("--from-now", options_.from_now));
  ASSIGN_OR_RETURN(auto from_oldest, FindViews("--from-oldest", options_.from_oldest));
  StartFromNow(from_now, &plans_);
  StartFromOldest(from_oldest, &plans_);
  if (options_.beside) LeaveToOther(options_.beside->fed, &plans_);
  entity_of_repartitioned_.resize(project_.feature_views_size());
  for (TaskPlan& plan : plans_) {
    plan.kept = options_.kept;
    if (!plan.repartition) continue;
    for (const ViewTaskPlan& view : plan.views) entity_of_repartitioned_[view.view] = view.entity;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<const v1::FeatureView*>> Pipeline::FindViews(
    std::string_view flag, const std::vector<std::string>& names) const {
  std::vector<const v1::FeatureView*> views;
  for (const std::string& name : names) {
    absl::StatusOr<int> view = FeatureNames(project_).FindView(name);
    if (!view.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("{} {}: {}", flag, name, std::string(view.status().message())));
    }
    views.push_back(&project_.feature_views(*view));
  }
  return views;
}

void Pipeline::MakeOffline() {
  const ProjectConfig& config = *context_.config;
  offline_ = std::make_unique<OfflineSink>(
      project_,
      OfflineSinkOptions{.state_folder = context_.folder->path().string(),
                         .warehouse = context_.warehouse,
                         .flush_interval = absl::Microseconds(config.flush_interval_us),
                         .flush_bytes = config.flush_bytes,
                         .early_bytes = EarlyBytes(config.commit_bytes),
                         .parquet_encoding = config.parquet_encoding,
                         .fingerprints = Fingerprints(),
                         .say = [](const std::string& message) { spdlog::warn("{}", message); }});
}

absl::Status Pipeline::PrepareTopics() {
  const auto replication = static_cast<int32_t>(context_.config->replication_factor);
  KafkaAdmin& admin = *context_.admin;
  kafka_ = context_.kafka;
  limits_ = RecordLimits(kafka_);
  for (const TaskPlan& plan : plans_) {
    const std::string& topic = plan.source->topic();
    if (source_partitions_.contains(topic)) continue;
    if (plan.source->batch().feed() && context_.broker == nullptr) {
      const TopicSpec spec = FedTopic(*plan.source, replication, limits_.most());
      RETURN_IF_ERROR(AskPatiently(*context_.stop, [&] { return admin.CreateTopic(spec); }));
    }
    if (context_.broker != nullptr)
      RETURN_IF_ERROR(context_.broker->CreateTopic(topic, context_.embedded_partitions));
    int32_t& partitions = source_partitions_[topic];
    ASSIGN_OR_RETURN(partitions,
                     AskPatiently(*context_.stop, [&] { return admin.PartitionCount(topic); }));
    RETURN_IF_ERROR(CheckUntilOffsets(*plan.source, partitions));
  }
  ASSIGN_OR_RETURN(std::vector<TopicSpec> specs,
                   PlanTopics(project_, Repartitions(plans_), source_partitions_, limits_.most()));
  if (context_.broker != nullptr) {
    for (const TopicSpec& spec : specs)
      RETURN_IF_ERROR(context_.broker->CreateTopic(spec.name, spec.partitions));
  } else {
    for (TopicSpec& spec : specs) spec.replication = replication;
    topics_ = std::make_unique<ProjectTopics>(project_, kafka_, &admin,
                                              TopicRoles(project_, plans_), context_.stop);
    RETURN_IF_ERROR(topics_->Open(specs, &limits_));
  }
  LimitBatches(limits_, &kafka_);
  LimitForwards(limits_, &plans_);
  return absl::OkStatus();
}

std::vector<SubscribedTopic> Pipeline::topics() const {
  std::vector<SubscribedTopic> topics;
  topics.reserve(plans_.size());
  // A repartition topic has as many partitions as its source.
  for (const TaskPlan& plan : plans_) {
    topics.push_back({.name = plan.topic,
                      .partitions = partitions(plan),
                      .role = RoleOf(plan),
                      .beside = plan.repartition ? plan.source->topic() : ""});
  }
  return topics;
}

void Pipeline::Connect(KafkaConsumer* consumer, KafkaConsumer* member) {
  const ProjectConfig& config = *context_.config;
  Worker::PartitionCounts partitions;
  for (const TaskPlan& plan : plans_) partitions[plan.topic] = this->partitions(plan);
  key_check_ = std::make_unique<KeyCheck>(
      plans_, [](const std::string& message) { spdlog::error("{}", message); });
  source_ = std::make_unique<KafkaSource>(
      consumer, plans_,
      topics_ == nullptr ? std::map<std::string, TopicIdentity>() : topics_->identities(),
      key_check_.get(), context_.give_up);
  repartition_ = std::make_unique<RepartitionSink>(
      Repartitions(plans_), source_partitions_,
      RepartitionSinkOptions{.kafka = kafka_, .cancel = context_.give_up});
  const bool embedded = context_.broker != nullptr;
  updates_ = MakeUpdateSink(
      project_, member,
      UpdateSinkOptions{
          .kafka = kafka_,
          .worker_id = options_.beside ? config.worker_id + ".lane" : config.worker_id,
          .limits = limits_,
          .delivery = embedded ? Delivery::kAtLeastOnce : config.delivery,
          .commits_offsets = !options_.beside,
          .cancel = context_.give_up});
  WorkerOptions worker{
      .threads = static_cast<int>(config.task_threads),
      .commit_interval = absl::Microseconds(config.commit_interval_us),
      .state_interval = absl::Microseconds(config.state_interval_us),
      .commit_bytes = static_cast<size_t>(config.commit_bytes),
      .hot_bytes = static_cast<size_t>(config.hot_map_bytes / (options_.beside ? kLaneShare : 1)),
      .ready_lag = config.ready_lag,
      .whereabouts = MakeWhereabouts(),
      .clock_ahead = [this](const ClockAhead& ahead) { ReportClockAhead(ahead); },
      .failed = options_.failed};
  // Forwarded records first: a position must not pass a record that its repartition topic lacks.
  std::vector<Sink*> sinks = {repartition_.get(), offline_.get(), updates_.get()};
  sinks.insert(sinks.end(), context_.logs.begin(), context_.logs.end());
  worker_ = std::make_unique<Worker>(
      project_, plans_, std::move(partitions), worker, source_.get(), std::move(sinks),
      [this](const TaskId& task) { return OpenStore(task); }, context_.clock);
  worker_->Start();
}

// With what other tasks have left of views that are new.
absl::StatusOr<std::unique_ptr<StateStore>> Pipeline::OpenStore(const TaskId& task) {
  ASSIGN_OR_RETURN(std::unique_ptr<StateStore> store, context_.stores->Open(task));
  auto plan = std::find_if(plans_.begin(), plans_.end(),
                           [&](const TaskPlan& one) { return one.topic == task.topic; });
  const std::shared_ptr<LaneFolder> lane = options_.lane.lock();
  if (lane != nullptr && lane->stores().Has(task)) {
    ASSIGN_OR_RETURN(std::unique_ptr<StateStore> of_lane, lane->stores().Open(task));
    RETURN_IF_ERROR(AdoptLane(*of_lane, store.get()));
  }
  if (options_.beside && options_.beside->stores->Has(task)) {
    ASSIGN_OR_RETURN(std::optional<std::string> begun, store->ReadMeta());
    ASSIGN_OR_RETURN(std::unique_ptr<StateStore> kept, options_.beside->stores->Open(task));
    if (!begun) RETURN_IF_ERROR(SeedLane(*plan, *kept, store.get()));
  }
  RETURN_IF_ERROR(AdoptFiles(*plan, task, store.get()));
  return store;
}

absl::Status Pipeline::AdoptFiles(const TaskPlan& plan, const TaskId& task, StateStore* store) {
  if (!HasFilesBeforeTopic(*plan.source) || plan.views.empty()) return absl::OkStatus();
  const std::filesystem::path& folder = context_.folder->path();
  const TaskId files{BatchTopicOf(plan), task.partition};
  RETURN_IF_ERROR(CheckUntil(folder, files, *plan.source));
  ASSIGN_OR_RETURN(std::vector<const ViewTaskPlan*> views, MissingViews(plan, *store));
  std::erase_if(views, [](const ViewTaskPlan* view) { return view->from_now; });
  if (views.empty()) return absl::OkStatus();
  if (!IsBackfilled(folder, files)) {
    return absl::FailedPreconditionError(fmt::format(
        "source {} has files before its topic ({}), and their end was not reached yet in the state "
        "folder {}: run `forebay backfill {}` first",
        plan.source->name(), plan.source->batch().path(), folder.string(),
        views.front()->definition->name()));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<StateStore> of_files, context_.stores->Open(files));
  RETURN_IF_ERROR(AdoptViews(views, *of_files, store));
  spdlog::info("{}: goes on from the state of {}", task.ToString(), files.ToString());
  return absl::OkStatus();
}

Whereabouts Pipeline::MakeWhereabouts() const {
  return {.partition_of = [this](int view, std::string_view key,
                                 int partitions) -> std::optional<PartitionId> {
            const v1::Entity* entity = entity_of_repartitioned_[view];
            return entity == nullptr ? std::nullopt : RepartitionOf(*entity, key, partitions);
          },
          .owners_of = context_.owners_of};
}

void Pipeline::ReportClockAhead(const ClockAhead& ahead) const {
  auto plan = std::find_if(plans_.begin(), plans_.end(),
                           [&](const TaskPlan& one) { return one.topic == ahead.task.topic; });
  if (plan != plans_.end()) spdlog::warn("{}", DescribeClockAhead(ahead, *plan->source));
}

absl::StatusOr<std::vector<std::optional<Offset>>> Pipeline::AddTasks(
    absl::Span<const TaskId> ids) {
  ASSIGN_OR_RETURN(auto positions, worker_->AddTasks(ids));
  // No sink has refused them, and nothing of them is published yet.
  RETURN_IF_ERROR(context_.folder->KeepViews(Fingerprints()));
  std::map<TaskId, std::optional<Offset>> least;
  for (const auto& task : worker_->Tasks()) {
    const TaskId& id = task->task().id();
    if (task->task().read_before() < Offset(0)) source_->ReadsFirst(id);
    least[id] = LeastPosition(task->task());
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    const TaskReading reading{.position = positions[i],
                              .least = least[ids[i]] ? least[ids[i]] : positions[i]};
    ASSIGN_OR_RETURN(positions[i], source_->Begin(ids[i], reading));
  }
  return positions;
}

absl::Status Pipeline::WatchTopics() {
  return topics_ == nullptr ? absl::OkStatus() : topics_->Watch(worker_->Tasks());
}

void Pipeline::NoteRefusedTopics() {
  if (topics_ == nullptr) return;
  absl::Status noted = topics_->NoteRefused(key_check_->Refused());
  if (!noted.ok()) spdlog::error("{}", std::string(noted.message()));
}

bool Pipeline::ReadsTopic(std::string_view topic) const {
  return std::any_of(plans_.begin(), plans_.end(),
                     [&](const TaskPlan& plan) { return plan.topic == topic; });
}

}  // namespace forebay
