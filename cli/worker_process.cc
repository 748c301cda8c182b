#include "cli/worker_process.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "catalog/catalog_watch.h"
#include "cli/ask_patiently.h"
#include "cli/backfill_mark.h"
#include "cli/bring_up_log.h"
#include "cli/clock_report.h"
#include "cli/erasure_log.h"
#include "cli/kafka_config.h"
#include "cli/project_catalog.h"
#include "cli/project_topics.h"
#include "cli/ready_log.h"
#include "cli/run_summary.h"
#include "cli/stop_watch.h"
#include "cli/sync_watch.h"
#include "cli/worker_metrics.h"
#include "connectors/dead_letter/dead_letter_log.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/client_config.h"
#include "connectors/kafka/consumer.h"
#include "connectors/kafka/consumer_group.h"
#include "connectors/kafka/embedded_broker.h"
#include "connectors/kafka/files_end.h"
#include "connectors/kafka/kafka_source.h"
#include "connectors/kafka/record_limits.h"
#include "connectors/kafka/repartition_record.h"
#include "connectors/kafka/repartition_sink.h"
#include "connectors/kafka/retry_log.h"
#include "connectors/kafka/topics.h"
#include "connectors/kafka/update_sink.h"
#include "connectors/kafka/worker_claim.h"
#include "connectors/key_check/key_check.h"
#include "engine/task/adopted_views.h"
#include "engine/task/task_plan.h"
#include "engine/worker/worker.h"
#include "forebay/v1/definition.pb.h"
#include "offline/sink/offline_sink.h"
#include "offline/upkeep/table_upkeep.h"
#include "online/grpc/grpc_server.h"
#include "online/http/http_server.h"
#include "online/serving/feature_reader.h"
#include "online/serving/file_limit.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "schemas/definition/feature_names.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(50);
constexpr absl::Duration kServerPatience = absl::Seconds(5);
// Of what waits for nobody: closing, and taking clients down.
constexpr absl::Duration kLastPatience = absl::Seconds(8);
constexpr uint64_t kFewFiles = 4096;

// Of what a commit may hold, a part.
size_t EarlyBytes(int64_t commit_bytes) {
  return std::min(static_cast<size_t>(commit_bytes / 8), OfflineSinkOptions().early_bytes);
}

// Also where no broker says whether.
bool IsKnownToGroup(KafkaAdmin& admin, const ProjectConfig& config) {
  auto members = FindGroupMembers(admin, config.group);
  if (!members.ok()) return true;
  return *members && std::any_of((*members)->begin(), (*members)->end(), [&](const auto& member) {
    return member.worker_id == config.worker_id;
  });
}

// Of what the task has read for its views before it was opened; nullopt: for none of them.
std::optional<Offset> LeastPosition(const Task& task) {
  std::optional<Offset> least;
  for (const ViewCoverage& view : task.coverage()) {
    if (view.from >= Offset(0)) least = std::min(least.value_or(view.from), view.from);
  }
  return least;
}

class WorkerProcess {
 public:
  WorkerProcess(LoadedProject loaded, const RunOptions& options, const std::atomic<bool>& stop)
      : loaded_(std::move(loaded)),
        options_(options),
        stop_(stop),
        limits_(KafkaConfig()),
        stop_watch_(stop, {.patience = absl::Microseconds(config().stop_timeout_us),
                           .last_patience = std::min(
                               kLastPatience, absl::Microseconds(config().stop_timeout_us))}) {}

  absl::Status Run() {
    spdlog::info("catalog: {}", DescribeState(*options_.catalog_state));
    absl::Status prepared = Prepare();
    bool waited = absl::IsCancelled(prepared) || absl::IsUnavailable(prepared);
    if (waited && stop_.load()) return absl::OkStatus();  // nothing had begun
    stop_watch_.Fail(prepared);
    RETURN_IF_ERROR(prepared);
    worker_->Start();
    if (upkeep_ != nullptr) upkeep_->Start([this] { return TablesToKeep(); });
    if (sync_watch_ != nullptr) sync_watch_->Start([this] { return TasksHere(); });
    absl::Status ran = Serve();
    return Stop(ran);
  }

 private:
  const v1::Project& project() const { return *loaded_.project; }
  const ProjectConfig& config() const { return loaded_.config; }

  absl::Status Prepare() {
    RETURN_IF_ERROR(PlanAllTasks());
    RETURN_IF_ERROR(PrepareFolders());
    RETURN_IF_ERROR(PrepareKafka());
    RETURN_IF_ERROR(PrepareWorker());
    RETURN_IF_ERROR(PrepareUpkeep());
    return StartServers();
  }
  ViewFingerprints Fingerprints() const;
  absl::Status PrepareFolders();
  absl::Status PrepareKafka();
  absl::Status PlanAllTasks();
  absl::StatusOr<std::vector<const v1::FeatureView*>> FindViews(
      std::string_view flag, const std::vector<std::string>& names) const;
  Whereabouts MakeWhereabouts() const;
  void ReportClockAhead(const ClockAhead& ahead) const;
  absl::Status PrepareWorker();
  absl::StatusOr<std::unique_ptr<StateStore>> OpenStore(const TaskId& task);
  absl::Status StartServers();
  void FollowCatalog();
  absl::StatusOr<std::vector<std::optional<Offset>>> AddTasks(absl::Span<const TaskId> ids);
  absl::Status Serve();
  void LookAround();
  absl::Status PrepareUpkeep();
  std::vector<std::string> TablesToKeep() const;
  std::set<TaskId> TasksHere() const;
  absl::Status CheckFlushes();
  void CheckUpkeep();
  void CheckSetback();
  absl::Status Stop(absl::Status ran);
  void PrintReady() const;
  bool AllRead() const;
  absl::StatusOr<bool> CaughtUp();

  const LoadedProject loaded_;
  const RunOptions options_;
  const std::atomic<bool>& stop_;
  RecordLimits limits_;
  StopWatch stop_watch_;
  WallClock clock_;

  const uint64_t file_limit_ = RaiseFileLimit();
  std::optional<StateFolder> state_folder_;
  std::unique_ptr<EmbeddedBroker> broker_;
  KafkaConfig kafka_;
  std::unique_ptr<KafkaAdmin> admin_;
  std::unique_ptr<ProjectTopics> topics_;  // null: those of the embedded broker go with it
  absl::flat_hash_map<std::string, int32_t> source_partitions_;
  std::vector<TaskPlan> plans_;
  std::vector<const v1::Entity*> entity_of_repartitioned_;  // by view; null: of its source's topic
  bool known_to_group_ = false;
  std::unique_ptr<StoreFactory> stores_;
  std::shared_ptr<ObjectStore> warehouse_;
  std::unique_ptr<OfflineSink> offline_;
  RetryLog flush_log_;
  int64_t upkeep_errors_ = 0;  // of which were told
  RetryLog setback_log_;
  absl::Status removed_;  // of the last tasks that were taken away
  std::unique_ptr<WorkerClaim> claim_;
  std::unique_ptr<KafkaConsumer> consumer_;
  std::unique_ptr<GroupWatch> group_;
  std::unique_ptr<KeyCheck> key_check_;
  std::unique_ptr<KafkaSource> source_;
  std::unique_ptr<RepartitionSink> repartition_;
  std::unique_ptr<Sink> updates_;
  DeadLetterLog dead_letters_{[](const std::string& line) { spdlog::warn("{}", line); },
                              std::chrono::steady_clock::now};
  ErasureLog erasures_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<TableUpkeep> upkeep_;    // null: of others
  std::unique_ptr<SyncWatch> sync_watch_;  // null: nobody asked for it
  BringUpLog bring_up_log_;
  ReadyLog ready_log_;
  std::vector<std::string> summary_;  // of a run that has caught up
  MetricsRegistry metrics_;
  std::unique_ptr<FeatureReader> reader_;
  std::optional<CatalogWatch> catalog_watch_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<GrpcServer> grpc_;
  std::atomic<bool> serving_{false};  // http_ and grpc_ are there
};

ViewFingerprints WorkerProcess::Fingerprints() const {
  ViewFingerprints fingerprints;
  for (const TaskPlan& plan : plans_) {
    for (const ViewTaskPlan& view : plan.views)
      fingerprints[{view.definition->name(), view.definition->version()}] = view.fingerprint;
  }
  return fingerprints;
}

absl::Status WorkerProcess::PrepareFolders() {
  if (file_limit_ < kFewFiles) {
    spdlog::warn(
        "only {} files may be open (the hard limit of `ulimit -n`): each door takes at most {} "
        "connections; raise it to {} or more, as with LimitNOFILE= of systemd",
        file_limit_, ConnectionLimitsFor(file_limit_).connections, kFewFiles);
  }
  ASSIGN_OR_RETURN(state_folder_, OpenStateFolder(config().state, project().name()));
  RETURN_IF_ERROR(state_folder_->CheckViews(Fingerprints()));
  if (!state_folder_->is_private()) {
    spdlog::warn(
        "other users may read the state folder {}, which belongs to another user than this one: "
        "run `chmod 700` on it as its owner",
        state_folder_->path().string());
  }
  stores_ = std::make_unique<StoreFactory>(
      state_folder_->path(), StoreLimits{.block_cache_bytes = config().block_cache_bytes});
  warehouse_ = OpenObjectStore(config().warehouse, config().s3);
  offline_ = std::make_unique<OfflineSink>(
      project(),
      OfflineSinkOptions{.state_folder = config().state.string(),
                         .warehouse = warehouse_,
                         .flush_interval = absl::Microseconds(config().flush_interval_us),
                         .flush_bytes = config().flush_bytes,
                         .early_bytes = EarlyBytes(config().commit_bytes),
                         .parquet_encoding = config().parquet_encoding,
                         .fingerprints = Fingerprints(),
                         .say = [](const std::string& message) { spdlog::warn("{}", message); }});
  return offline_->CheckWritable();
}

absl::Status WorkerProcess::PlanAllTasks() {
  ASSIGN_OR_RETURN(plans_, PlanTasks(project()));
  if (plans_.empty() && project().feature_views_size() > 0) {
    return absl::FailedPreconditionError(
        "no source of the project's feature views has a topic: a worker has nothing to read. "
        "`forebay backfill` computes the features of what is in files");
  }
  ASSIGN_OR_RETURN(auto from_now, FindViews("--from-now", options_.from_now));
  ASSIGN_OR_RETURN(auto from_oldest, FindViews("--from-oldest", options_.from_oldest));
  StartFromNow(from_now, &plans_);
  StartFromOldest(from_oldest, &plans_);
  entity_of_repartitioned_.resize(project().feature_views_size());
  for (const TaskPlan& plan : plans_) {
    if (!plan.repartition) continue;
    for (const ViewTaskPlan& view : plan.views) entity_of_repartitioned_[view.view] = view.entity;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<const v1::FeatureView*>> WorkerProcess::FindViews(
    std::string_view flag, const std::vector<std::string>& names) const {
  std::vector<const v1::FeatureView*> views;
  for (const std::string& name : names) {
    absl::StatusOr<int> view = FeatureNames(project()).FindView(name);
    if (!view.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("{} {}: {}", flag, name, std::string(view.status().message())));
    }
    views.push_back(&project().feature_views(*view));
  }
  return views;
}

absl::Status WorkerProcess::PrepareKafka() {
  ASSIGN_OR_RETURN(kafka_, MakeKafkaConfig(config()));
  if (options_.embedded_broker) {
    ASSIGN_OR_RETURN(broker_, EmbeddedBroker::Start());
    kafka_.bootstrap_servers = broker_->bootstrap_servers();
    kafka_.properties["security.protocol"] = "plaintext";  // whatever the project's brokers ask for
    // It answers a fetch with one produced batch per partition: larger batches, fewer fetches.
    kafka_.properties.try_emplace("linger.ms", "50");
    for (const v1::Source& source : project().sources()) {
      if (source.topic().empty()) continue;
      RETURN_IF_ERROR(broker_->CreateTopic(source.topic(), options_.embedded_partitions));
    }
  }
  ASSIGN_OR_RETURN(admin_, KafkaAdmin::Create(kafka_));
  RETURN_IF_ERROR(admin_->WaitForBroker(absl::InfiniteDuration(), &stop_));
  limits_ = RecordLimits(kafka_);
  for (const TaskPlan& plan : plans_) {
    if (plan.repartition) continue;
    if (plan.source->batch().feed() && broker_ == nullptr) {
      const TopicSpec spec =
          FedTopic(*plan.source, static_cast<int32_t>(config().replication_factor), limits_.most());
      RETURN_IF_ERROR(AskPatiently(stop_, [&] { return admin_->CreateTopic(spec); }));
    }
    int32_t& partitions = source_partitions_[plan.topic];
    ASSIGN_OR_RETURN(partitions,
                     AskPatiently(stop_, [&] { return admin_->PartitionCount(plan.topic); }));
    RETURN_IF_ERROR(CheckUntilOffsets(*plan.source, partitions));
  }
  ASSIGN_OR_RETURN(std::vector<TopicSpec> specs,
                   PlanTopics(project(), Repartitions(plans_), source_partitions_, limits_.most()));
  if (broker_ != nullptr) {
    for (const TopicSpec& spec : specs)
      RETURN_IF_ERROR(broker_->CreateTopic(spec.name, spec.partitions));
  } else {
    for (TopicSpec& spec : specs)
      spec.replication = static_cast<int32_t>(config().replication_factor);
    known_to_group_ = IsKnownToGroup(*admin_, config());
    topics_ = std::make_unique<ProjectTopics>(project(), kafka_, admin_.get(),
                                              TopicRoles(project(), plans_), &stop_);
    RETURN_IF_ERROR(topics_->Open(specs, &limits_));
  }
  LimitBatches(limits_, &kafka_);
  LimitForwards(limits_, &plans_);
  return absl::OkStatus();
}

absl::Status WorkerProcess::PrepareWorker() {
  Worker::PartitionCounts partitions;
  claim_ = std::make_unique<WorkerClaim>(kafka_, project().name(), config().worker_id);
  RETURN_IF_ERROR(claim_->Make(&stop_));
  KafkaConsumer::Options consumer{.kafka = kafka_,
                                  .group = config().group,
                                  .worker_id = config().worker_id,
                                  .claim = claim_.get(),
                                  .known_to_group = known_to_group_};
  for (const TaskPlan& plan : plans_) {
    // A repartition topic has as many partitions as its source.
    int32_t count = source_partitions_.at(plan.source->topic());
    partitions[plan.topic] = count;
    consumer.topics.push_back({plan.topic, count, RoleOf(plan)});
  }
  consumer.owner.assigned = [this](absl::Span<const TaskId> tasks) { return AddTasks(tasks); };
  consumer.owner.revoked = [this](absl::Span<const TaskId> tasks, bool lost) {
    removed_ = worker_->RemoveTasks(tasks, lost);
    if (IsTransient(removed_)) {
      spdlog::warn("giving tasks back: {}; nothing is lost", std::string(removed_.message()));
    }
  };
  ASSIGN_OR_RETURN(consumer_, KafkaConsumer::Create(std::move(consumer)));
  group_ = std::make_unique<GroupWatch>([this] { return consumer_->client(); }, config().group);
  key_check_ = std::make_unique<KeyCheck>(
      plans_, [](const std::string& message) { spdlog::error("{}", message); });
  source_ = std::make_unique<KafkaSource>(
      consumer_.get(), plans_,
      topics_ == nullptr ? std::map<std::string, TopicIdentity>() : topics_->identities(),
      key_check_.get(), stop_watch_.give_up());
  repartition_ = std::make_unique<RepartitionSink>(
      Repartitions(plans_), source_partitions_,
      RepartitionSinkOptions{.kafka = kafka_, .cancel = stop_watch_.give_up()});
  if (broker_ != nullptr && config().delivery == Delivery::kExactlyOnce) {
    spdlog::info("the embedded broker has no transactions: updates are delivered at least once");
  }
  updates_ = MakeUpdateSink(
      project(), consumer_.get(),
      UpdateSinkOptions{.kafka = kafka_,
                        .worker_id = config().worker_id,
                        .limits = limits_,
                        .delivery = broker_ != nullptr ? Delivery::kAtLeastOnce : config().delivery,
                        .cancel = stop_watch_.give_up()});
  WorkerOptions worker{.threads = static_cast<int>(config().task_threads),
                       .commit_interval = absl::Microseconds(config().commit_interval_us),
                       .state_interval = absl::Microseconds(config().state_interval_us),
                       .commit_bytes = static_cast<size_t>(config().commit_bytes),
                       .hot_bytes = static_cast<size_t>(config().hot_map_bytes),
                       .ready_lag = config().ready_lag,
                       .whereabouts = MakeWhereabouts(),
                       .clock_ahead = [this](const ClockAhead& ahead) { ReportClockAhead(ahead); },
                       .failed = [this](const absl::Status& why) { stop_watch_.Fail(why); }};
  // Forwarded records first: a position must not pass a record that its repartition topic lacks.
  // The logs last: what they say has happened.
  std::vector<Sink*> sinks = {repartition_.get(), offline_.get(), updates_.get(), &dead_letters_,
                              &erasures_};
  worker_ = std::make_unique<Worker>(
      project(), plans_, std::move(partitions), worker, source_.get(), std::move(sinks),
      [this](const TaskId& task) { return OpenStore(task); }, &clock_);
  return absl::OkStatus();
}

// With what the task that has read the files before the topic has left of views that are new.
absl::StatusOr<std::unique_ptr<StateStore>> WorkerProcess::OpenStore(const TaskId& task) {
  ASSIGN_OR_RETURN(std::unique_ptr<StateStore> store, stores_->Open(task));
  auto plan = std::find_if(plans_.begin(), plans_.end(),
                           [&](const TaskPlan& one) { return one.topic == task.topic; });
  if (!HasFilesBeforeTopic(*plan->source) || plan->views.empty()) return store;
  const TaskId files{BatchTopicOf(*plan), task.partition};
  RETURN_IF_ERROR(CheckUntil(state_folder_->path(), files, *plan->source));
  ASSIGN_OR_RETURN(std::vector<const ViewTaskPlan*> views, MissingViews(*plan, *store));
  std::erase_if(views, [](const ViewTaskPlan* view) { return view->from_now; });
  if (views.empty()) return store;
  if (!IsBackfilled(state_folder_->path(), files)) {
    return absl::FailedPreconditionError(fmt::format(
        "source {} has files before its topic ({}), and their end was not reached yet in the state "
        "folder {}: run `forebay backfill {}` first",
        plan->source->name(), plan->source->batch().path(), state_folder_->path().string(),
        views.front()->definition->name()));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<StateStore> of_files, stores_->Open(files));
  RETURN_IF_ERROR(AdoptViews(views, *of_files, store.get()));
  spdlog::info("{}: goes on from the state of {}", task.ToString(), files.ToString());
  return store;
}

Whereabouts WorkerProcess::MakeWhereabouts() const {
  return {.partition_of = [this](int view, std::string_view key,
                                 int partitions) -> std::optional<PartitionId> {
            const v1::Entity* entity = entity_of_repartitioned_[view];
            return entity == nullptr ? std::nullopt : RepartitionOf(*entity, key, partitions);
          },
          .owners_of =
              [this](absl::Span<const TaskId> tasks) { return group_->DescribeOwnersOf(tasks); }};
}

void WorkerProcess::ReportClockAhead(const ClockAhead& ahead) const {
  auto plan = std::find_if(plans_.begin(), plans_.end(),
                           [&](const TaskPlan& one) { return one.topic == ahead.task.topic; });
  if (plan != plans_.end()) spdlog::warn("{}", DescribeClockAhead(ahead, *plan->source));
}

absl::StatusOr<std::vector<std::optional<Offset>>> WorkerProcess::AddTasks(
    absl::Span<const TaskId> ids) {
  ASSIGN_OR_RETURN(auto positions, worker_->AddTasks(ids));
  // No sink has refused them, and nothing of them is published yet.
  RETURN_IF_ERROR(state_folder_->KeepViews(Fingerprints()));
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

absl::Status WorkerProcess::StartServers() {
  reader_ = std::make_unique<FeatureReader>(
      project(),
      [this](int view, std::string_view key, std::optional<KnownTime> at) {
        return worker_->Lookup(view, key, at);
      },
      options_.catalog_state);
  metrics_.AddCollector([this](MetricsWriter& writer) {
    WriteWorkerMetrics(*worker_, *source_, *offline_, &writer);
    if (upkeep_ != nullptr) WriteUpkeepMetrics(upkeep_->counters(), &writer);
    if (sync_watch_ != nullptr) WriteSyncMetrics(sync_watch_->counts(), &writer);
    WriteKeyMetrics(*key_check_, &writer);
    WriteDeadLetterMetrics(dead_letters_, &writer);
    if (serving_.load()) {
      writer.Write(Metric::kRefusedConnections, {"grpc"},
                   static_cast<double>(grpc_->refused_connections()));
    }
  });
  const ConnectionLimits limits = ConnectionLimitsFor(file_limit_);
  auto ready = [this] { return worker_->Ready(); };
  HttpServerOptions http{.address = config().serving_address,
                         .port = static_cast<uint16_t>(config().serving_http_port),
                         .max_connections = limits.connections,
                         .most_files = limits.files};
  ASSIGN_OR_RETURN(http_, HttpServer::Start(http, reader_.get(), &metrics_, ready));
  GrpcServerOptions grpc{.address = config().serving_address,
                         .port = static_cast<uint16_t>(config().serving_grpc_port),
                         .max_connections = limits.connections,
                         .most_files = limits.files};
  ASSIGN_OR_RETURN(grpc_, GrpcServer::Start(grpc, reader_.get(), &metrics_, ready));
  spdlog::info("listening on {}: HTTP port {}, gRPC port {}", config().serving_address,
               http_->port(), grpc_->port());
  serving_ = true;
  FollowCatalog();
  return absl::OkStatus();
}

// Services and models; definitions are those that the worker began with.
void WorkerProcess::FollowCatalog() {
  CatalogWatcher watcher{
      .changed = [this](const CatalogLog::State& state) { reader_->SetCatalog(state); },
      .failed =
          [](const absl::Status& why) {
            spdlog::warn("{}: going on with what is known, and trying again",
                         std::string(why.message()));
          },
      .recovered = [] { spdlog::info("the catalog is followed again"); }};
  catalog_watch_.emplace(*options_.catalog, options_.catalog_state,
                         absl::Microseconds(config().catalog_interval_us), std::move(watcher));
}

void WorkerProcess::PrintReady() const {
  fmt::print(
      "{{\"ready\": true, \"http_port\": {}, \"grpc_port\": {}, \"brokers\": \"{}\", "
      "\"partitions\": {}}}\n",
      http_->port(), grpc_->port(), kafka_.bootstrap_servers, worker_->Tasks().size());
  std::fflush(stdout);
}

// Whether all tasks saw the ends of their partitions. Says nothing of what is on its way to them.
bool WorkerProcess::AllRead() const {
  for (const auto& task : worker_->Tasks()) {
    if (!task->at_end() || task->task().statistics().waiting != 0) return false;
  }
  return worker_->Ready().ok();
}

// Whether every task has applied all that its partition holds, asked of the broker after a commit
// has pushed out what sources forward.
absl::StatusOr<bool> WorkerProcess::CaughtUp() {
  if (!AllRead()) return false;
  RETURN_IF_ERROR(worker_->Commit());
  auto tasks = worker_->Tasks();
  std::vector<TaskId> ids;
  ids.reserve(tasks.size());
  for (const auto& task : tasks) ids.push_back(task->task().id());
  absl::StatusOr<std::vector<Offset>> ends = source_->QueryEnds(ids, absl::Seconds(10));
  if (!ends.ok()) return false;  // asked again; what is wrong for good shows when fetching
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i]->position().value() + 1 < (*ends)[i].value()) return false;
  }
  return AllRead();  // what the commit has pushed out may wait
}

// What is said now and then.
void WorkerProcess::LookAround() {
  absl::Time now = absl::Now();
  auto tasks = worker_->Tasks();
  bring_up_log_.Look(tasks, now);
  ready_log_.Look(worker_->Ready(), tasks.size(), now);
  if (!worker_->HasAllTasks()) group_->Look(now);
  dead_letters_.SayDue();
}

absl::Status WorkerProcess::Serve() {
  bool ready = false;
  while (!stop_.load()) {
    RETURN_IF_ERROR(source_->Poll(kPoll));
    RETURN_IF_ERROR(worker_->status());
    RETURN_IF_ERROR(CheckFlushes());
    CheckUpkeep();
    CheckSetback();
    if (topics_ != nullptr) RETURN_IF_ERROR(topics_->Watch(worker_->Tasks()));
    LookAround();
    if (!ready && worker_->Ready().ok()) {
      ready = true;
      PrintReady();
    }
    if (!options_.until_idle || !ready) continue;
    ASSIGN_OR_RETURN(bool caught_up, CaughtUp());
    if (!caught_up) continue;
    summary_ = RunSummary(worker_->Tasks(), dead_letters_.Counts());
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status WorkerProcess::PrepareUpkeep() {
  if (config().verify_every_us > 0)
    sync_watch_ = std::make_unique<SyncWatch>(
        loaded_, kafka_, warehouse_,
        [this](int view, std::string_view key, std::optional<KnownTime> at) {
          return worker_->Lookup(view, key, at);
        });
  if (!config().upkeep) return absl::OkStatus();
  upkeep_ = std::make_unique<TableUpkeep>(
      warehouse_, TableUpkeepOptions{
                      .interval = absl::Microseconds(config().upkeep_interval_us),
                      .retention = absl::Microseconds(config().table_retention_us),
                      .cold = config().cold,
                      .s3 = config().s3,
                      .cold_after = absl::Microseconds(config().cold_after_us),
                      .pace = {.cpu_share = static_cast<double>(config().upkeep_cpu_percent) / 100,
                               .bytes_per_second = config().upkeep_bytes_per_second},
                      .compaction = {.limits = {.memory_bytes = config().compaction_memory_bytes},
                                     .target_bytes = config().table_file_bytes,
                                     .encoding = config().parquet_encoding}});
  return absl::OkStatus();
}

// Of the views whose first partition is here: so each table has one worker that looks after it, as
// a rule. Where for a while two do, one of them merges in vain.
std::vector<std::string> WorkerProcess::TablesToKeep() const {
  std::vector<std::string> tables;
  for (const auto& task : worker_->Tasks()) {
    if (task->task().id().partition != PartitionId(0)) continue;
    for (const TaskPlan& plan : plans_) {
      if (plan.topic != task->task().id().topic) continue;
      for (const ViewTaskPlan& view : plan.views) {
        if (view.definition->history() == v1::FeatureView::ON)
          tables.push_back(
              OfflineTablePath(ViewId{view.definition->name(), view.definition->version()}));
      }
      if (plan.archive) tables.push_back(OfflineTablePath(TableId::OfEvents(plan.source->name())));
    }
  }
  return tables;
}

std::set<TaskId> WorkerProcess::TasksHere() const {
  std::set<TaskId> here;
  for (const auto& task : worker_->Tasks()) here.insert(task->task().id());
  return here;
}

void WorkerProcess::CheckUpkeep() {
  if (upkeep_ == nullptr) return;
  const int64_t errors = upkeep_->counters().errors;
  if (errors == std::exchange(upkeep_errors_, errors)) return;
  spdlog::warn("the upkeep of the offline tables failed, trying again later: {}",
               std::string(upkeep_->last_error().message()));
}

// A table that cannot be written to stops the worker: its rows are safe in the change log, which
// must not grow unseen. A store that is away for a while is waited for.
absl::Status WorkerProcess::CheckFlushes() {
  absl::Status status = offline_->last_flush_error();
  if (absl::IsUnavailable(status) || absl::IsAborted(status)) {
    flush_log_.Say("the offline tables cannot be written to, retrying: {}",
                   std::string(status.message()));
    return absl::OkStatus();
  }
  if (status.ok()) flush_log_.Done("the offline tables are written to again");
  return status;
}

// What passes ends no worker: its tasks are opened again from their last states.
void WorkerProcess::CheckSetback() {
  absl::Status setback = worker_->setback();
  if (setback.ok()) return;
  setback_log_.Say("{}: taking up the tasks again from their last states",
                   std::string(setback.message()));
  source_->JoinAgain();
}

absl::Status WorkerProcess::Stop(absl::Status ran) {
  if (ran.ok()) {
    spdlog::info("stopping: committing what has been applied");
  } else {
    spdlog::info("stopping without a further commit");
    worker_->Fail(ran);
  }
  if (topics_ != nullptr) {
    absl::Status noted = topics_->NoteRefused(key_check_->Refused());
    if (!noted.ok()) spdlog::error("{}", std::string(noted.message()));
  }
  if (sync_watch_ != nullptr) sync_watch_->Stop();
  if (upkeep_ != nullptr) upkeep_->Stop();
  grpc_->Stop(kServerPatience);
  http_->Stop(kServerPatience);
  source_->Close();  // takes the tasks away, which commits and flushes them
  stop_watch_.Fail(worker_->Stop());
  ran = stop_watch_.cause();
  // Not all has reached its table. Whom the group has turned away had nothing to give.
  if (ran.ok() && absl::IsUnavailable(removed_)) ran = removed_;
  dead_letters_.SayRest();
  if (!ran.ok()) return ran;
  for (const std::string& line : DescribeUnwritten(project(), worker_->Unwritten()))
    spdlog::info("{}", line);
  for (const std::string& line : summary_) spdlog::info("{}", line);
  return ran;
}

}  // namespace

absl::Status RunWorker(LoadedProject loaded, const RunOptions& options,
                       const std::atomic<bool>& stop) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("forebay"));
  return WorkerProcess(std::move(loaded), options, stop).Run();
}

}  // namespace forebay
