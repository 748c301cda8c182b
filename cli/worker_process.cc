#include "cli/worker_process.h"

#include <google/protobuf/util/message_differencer.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "catalog/catalog_key.h"
#include "catalog/catalog_project.h"
#include "catalog/catalog_watch.h"
#include "cli/bring_up_log.h"
#include "cli/build_report.h"
#include "cli/drift_watch.h"
#include "cli/erasure_log.h"
#include "cli/kafka_config.h"
#include "cli/lane.h"
#include "cli/pipeline.h"
#include "cli/project_catalog.h"
#include "cli/ready_log.h"
#include "cli/run_summary.h"
#include "cli/served_answers.h"
#include "cli/stop_watch.h"
#include "cli/sync_watch.h"
#include "cli/worker_metrics.h"
#include "cli/worker_pages.h"
#include "connectors/dead_letter/dead_letter_log.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/client_config.h"
#include "connectors/kafka/consumer.h"
#include "connectors/kafka/consumer_group.h"
#include "connectors/kafka/embedded_broker.h"
#include "connectors/kafka/retry_log.h"
#include "connectors/kafka/worker_claim.h"
#include "engine/task/task_plan.h"
#include "engine/worker/worker.h"
#include "forebay/v1/catalog.pb.h"
#include "forebay/v1/definition.pb.h"
#include "offline/upkeep/table_upkeep.h"
#include "online/grpc/grpc_server.h"
#include "online/http/http_server.h"
#include "online/serving/feature_reader.h"
#include "online/serving/file_limit.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(50);
constexpr absl::Duration kServerPatience = absl::Seconds(5);
// Of what waits for nobody: closing, and taking clients down.
constexpr absl::Duration kLastPatience = absl::Seconds(8);
constexpr uint64_t kFewFiles = 4096;
// In which tasks are opened again, and have read what came meanwhile.
constexpr absl::Duration kTurnPatience = absl::Seconds(60);
// Before views are brought up again that could not be.
constexpr absl::Duration kLanePause = absl::Seconds(1);
constexpr absl::Duration kLongLanePause = absl::Seconds(30);
constexpr absl::Duration kReportInterval = absl::Milliseconds(500);

// Also where no broker says whether.
bool IsKnownToGroup(KafkaAdmin& admin, const ProjectConfig& config) {
  auto members = FindGroupMembers(admin, config.group);
  if (!members.ok()) return true;
  return *members && std::any_of((*members)->begin(), (*members)->end(), [&](const auto& member) {
    return member.worker_id == config.worker_id;
  });
}

std::string JoinIds(const std::set<ViewId>& views) {
  return absl::StrJoin(views, ", ",
                       [](std::string* out, const ViewId& view) { out->append(view.ToString()); });
}

ViewId IdOf(const v1::FeatureView& view) { return {view.name(), view.version()}; }

const v1::FeatureView* FindView(const v1::Project& project, const ViewId& id) {
  for (const v1::FeatureView& view : project.feature_views()) {
    if (IdOf(view) == id) return &view;
  }
  return nullptr;
}

// Whether all outputs of `view` are on in `running`: one that is switched on wants the steps of
// before, too.
bool HasOutputsOf(const v1::FeatureView& running, const v1::FeatureView& view) {
  const bool history =
      view.history() != v1::FeatureView::ON || running.history() == v1::FeatureView::ON;
  const bool updates =
      view.updates() != v1::FeatureView::ON || running.updates() == v1::FeatureView::ON;
  return history && updates;
}

// Whether tasks would compute the same.
bool IsSame(const v1::Project& a, const v1::Project& b) {
  v1::Project one = a, other = b;
  one.clear_feature_services();
  other.clear_feature_services();
  return google::protobuf::util::MessageDifferencer::Equals(one, other);
}

// The views of the catalog that are not computed here, and may come back.
std::vector<ViewId> KeptViews(const CatalogState& state, const v1::Project& project) {
  std::set<ViewId> computed;
  for (const v1::FeatureView& view : project.feature_views()) {
    if (!view.disabled()) computed.insert(IdOf(view));
  }
  std::vector<ViewId> kept;
  for (const auto& [key, object] : state.objects()) {
    if (!object->has_view()) continue;
    const v1::FeatureView& view = object->view().definition();
    if (!computed.contains(IdOf(view))) kept.push_back(IdOf(view));
  }
  return kept;
}

// The views that the catalog had and has no more, or has another of that name: what they left has
// gone, too.
std::set<ViewId> PurgedViews(const CatalogState& before, const CatalogState& now) {
  std::set<ViewId> gone;
  for (const auto& [key, object] : before.objects()) {
    if (!object->has_view()) continue;
    const v1::CatalogObject* found = now.Find(key);
    if (found == nullptr || found->view().fingerprint() != object->view().fingerprint())
      gone.insert(IdOf(object->view().definition()));
  }
  return gone;
}

class WorkerProcess {
 public:
  WorkerProcess(LoadedProject loaded, const RunOptions& options, const std::atomic<bool>& stop)
      : config_(loaded.config),
        options_(options),
        stop_(stop),
        stop_watch_(stop, {.patience = absl::Microseconds(config_.stop_timeout_us),
                           .last_patience = std::min(kLastPatience,
                                                     absl::Microseconds(config_.stop_timeout_us))}),
        wanted_(*loaded.project),
        catalog_(options.catalog_state) {}

  absl::Status Run() {
    spdlog::info("catalog: {}", DescribeState(*catalog_));
    absl::Status prepared = Prepare();
    bool waited = absl::IsCancelled(prepared) || absl::IsUnavailable(prepared);
    if (waited && stop_.load()) return absl::OkStatus();  // nothing had begun
    stop_watch_.Fail(prepared);
    RETURN_IF_ERROR(prepared);
    if (upkeep_ != nullptr) upkeep_->Start([this] { return TablesToKeep(); });
    if (drift_watch_ != nullptr) drift_watch_->Start([this] { return TablesToKeep(); });
    WatchSync();
    absl::Status ran = Serve();
    return Stop(ran);
  }

 private:
  absl::Status Prepare() {
    RETURN_IF_ERROR(PrepareFolders());
    const v1::Project project = WithoutLane();
    auto pipeline = std::make_shared<Pipeline>(project, context_, OptionsOf(project, false));
    RETURN_IF_ERROR(pipeline->Plan());  // what is wrong here no broker mends
    RETURN_IF_ERROR(PrepareKafka());
    RETURN_IF_ERROR(pipeline->PrepareTopics());
    pipeline_ = std::move(pipeline);
    RETURN_IF_ERROR(JoinGroup());
    pipeline_->Connect(consumer_.get(), consumer_.get());
    PrepareUpkeep();
    return StartServers();
  }
  absl::Status PrepareFolders();
  absl::Status PrepareKafka();
  absl::Status JoinGroup();
  absl::Status StartServers();
  void PrepareUpkeep();
  void WatchSync();
  void WatchCatalog();

  // What runs now; for other threads than the one that serves.
  std::shared_ptr<Pipeline> running() const;
  PipelineOptions OptionsOf(const v1::Project& project, bool adopts);
  LookupFunction LookupIn(std::shared_ptr<Pipeline> pipeline) const;
  absl::StatusOr<std::vector<std::optional<Offset>>> AddTasks(absl::Span<const TaskId> ids);
  void RemoveTasks(absl::Span<const TaskId> ids, bool lost);

  // Definitions that change while the worker runs.
  void TakeCatalog();
  void Arrange();
  absl::Status Turn(const v1::Project& project, bool adopts);
  void EndTurn();
  v1::Project WithoutLane() const;
  v1::Project OfLane() const;
  bool HasTasks() const;
  void TendLane();
  void PauseLane(const absl::Status& why);
  absl::Status EndLane();
  bool is_turning() const { return next_ != nullptr || previous_ != nullptr; }

  // What the catalog does not know yet of how far views are.
  void ReportBuilds();
  std::map<ViewId, BuiltTasks> BuiltHere() const;
  std::optional<LaneState> DescribeLane() const;

  absl::Status Serve();
  absl::Status LookAfterTasks();
  void LookAround();
  absl::Status Ready() const;
  std::vector<std::string> TablesToKeep() const;
  std::set<TaskId> TasksHere() const;
  absl::Status CheckFlushes();
  void CheckUpkeep();
  void CheckSetback();
  absl::Status Stop(absl::Status ran);
  void PrintReady() const;
  bool AllRead() const;
  absl::StatusOr<bool> CaughtUp();

  const ProjectConfig config_;
  const RunOptions options_;
  const std::atomic<bool>& stop_;
  StopWatch stop_watch_;
  WallClock clock_;

  v1::Project wanted_;         // what the worker is to compute, lane and all
  CatalogLog::State catalog_;  // of which that is

  const uint64_t file_limit_ = RaiseFileLimit();
  std::optional<StateFolder> state_folder_;
  std::unique_ptr<EmbeddedBroker> broker_;
  std::unique_ptr<KafkaAdmin> admin_;
  bool known_to_group_ = false;
  std::unique_ptr<StoreFactory> stores_;
  RetryLog flush_log_;
  int64_t upkeep_errors_ = 0;  // of which were told
  RetryLog setback_log_;
  absl::Status removed_;  // of the last tasks that were taken away
  DeadLetterLog dead_letters_{[](const std::string& line) { spdlog::warn("{}", line); },
                              std::chrono::steady_clock::now};
  ErasureLog erasures_;
  PipelineContext context_;
  std::unique_ptr<WorkerClaim> claim_;
  std::unique_ptr<KafkaConsumer> consumer_;
  std::unique_ptr<GroupWatch> group_;

  std::shared_ptr<LaneFolder> adopted_;  // a lane's, whose views `pipeline_` or `next_` takes over
  mutable absl::Mutex pipeline_mutex_;   // for who reads from other threads
  std::shared_ptr<Pipeline> pipeline_;   // that has the tasks, or is about to
  std::shared_ptr<Pipeline> next_;       // gets the tasks that `pipeline_` gives back
  std::shared_ptr<Pipeline> previous_;   // lookups read it until `pipeline_` has the tasks
  // A worker that was ready is so while it turns, until then.
  std::atomic<int64_t> ready_until_{0};  // microseconds UTC
  absl::Status turn_failed_;
  absl::Time arrange_due_ = absl::InfiniteFuture();  // once more, after a turn that failed
  RetryLog turn_log_;
  std::set<ViewId> lane_views_;
  v1::Project lane_project_;  // of what is in it
  std::unique_ptr<Lane> lane_;
  absl::Time lane_due_ = absl::InfinitePast();
  RetryLog lane_log_;
  std::string lane_error_;                                                // why there is none
  std::optional<LaneState> lane_state_ ABSL_GUARDED_BY(pipeline_mutex_);  // for other threads
  std::optional<BuildReport> build_report_;
  absl::Time next_report_ = absl::InfinitePast();

  std::unique_ptr<TableUpkeep> upkeep_;  // null: of others
  LoadedProject synced_;                 // of the sync watch
  mutable absl::Mutex sync_mutex_;
  std::unique_ptr<SyncWatch> sync_watch_;  // null: nobody asked for it
  // Null: as upkeep_.
  std::unique_ptr<DriftWatch> drift_watch_;
  BringUpLog bring_up_log_;
  ReadyLog ready_log_;
  std::vector<std::string> summary_;  // of a run that has caught up
  MetricsRegistry metrics_;
  std::unique_ptr<FeatureReader> reader_;
  absl::Mutex newest_mutex_;
  CatalogLog::State newest_ ABSL_GUARDED_BY(newest_mutex_);  // that the watch has seen; null: none
  std::unique_ptr<ServedAnswers> served_;
  std::optional<CatalogWatch> catalog_watch_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<GrpcServer> grpc_;
  std::atomic<bool> serving_{false};  // http_ and grpc_ are there
};

absl::Status WorkerProcess::PrepareFolders() {
  if (file_limit_ < kFewFiles) {
    spdlog::warn(
        "only {} files may be open (the hard limit of `ulimit -n`): each door takes at most {} "
        "connections; raise it to {} or more, as with LimitNOFILE= of systemd",
        file_limit_, ConnectionLimitsFor(file_limit_).connections, kFewFiles);
  }
  ASSIGN_OR_RETURN(state_folder_, OpenStateFolder(config_.state, wanted_.name()));
  if (!state_folder_->is_private()) {
    spdlog::warn(
        "other users may read the state folder {}, which belongs to another user than this one: "
        "run `chmod 700` on it as its owner",
        state_folder_->path().string());
  }
  ASSIGN_OR_RETURN(lane_views_, ViewsInLane(state_folder_->path()));
  // Beside what reads their topic alone.
  std::set<std::string> read;
  for (const v1::FeatureView& view : wanted_.feature_views()) {
    if (!view.disabled() && !lane_views_.contains(IdOf(view))) read.insert(view.source());
  }
  std::erase_if(lane_views_, [&](const ViewId& id) {
    const v1::FeatureView* view = FindView(wanted_, id);
    return view == nullptr || view->disabled() || !read.contains(view->source());
  });
  if (lane_views_.empty()) RemoveLane(state_folder_->path());
  lane_project_ = OfLane();
  stores_ = std::make_unique<StoreFactory>(
      state_folder_->path(), StoreLimits{.block_cache_bytes = config_.block_cache_bytes});
  context_ = {.config = &config_,
              .stop = &stop_,
              .give_up = stop_watch_.give_up(),
              .clock = &clock_,
              .folder = &*state_folder_,
              .stores = stores_.get(),
              .warehouse = OpenObjectStore(config_.warehouse, config_.s3),
              .embedded_partitions = options_.embedded_partitions,
              .logs = {&dead_letters_, &erasures_},
              .owners_of = [this](absl::Span<const TaskId> tasks) {
                return group_->DescribeOwnersOf(tasks);
              }};
  return absl::OkStatus();
}

absl::Status WorkerProcess::PrepareKafka() {
  KafkaConfig kafka;
  ASSIGN_OR_RETURN(kafka, MakeKafkaConfig(config_));
  if (options_.embedded_broker) {
    ASSIGN_OR_RETURN(broker_, EmbeddedBroker::Start());
    kafka.bootstrap_servers = broker_->bootstrap_servers();
    kafka.properties["security.protocol"] = "plaintext";  // whatever the project's brokers ask for
    // It answers a fetch with one produced batch per partition: larger batches, fewer fetches.
    kafka.properties.try_emplace("linger.ms", "50");
    if (config_.delivery == Delivery::kExactlyOnce)
      spdlog::info("the embedded broker has no transactions: updates are delivered at least once");
  }
  ASSIGN_OR_RETURN(admin_, KafkaAdmin::Create(kafka));
  RETURN_IF_ERROR(admin_->WaitForBroker(absl::InfiniteDuration(), &stop_));
  if (broker_ == nullptr) known_to_group_ = IsKnownToGroup(*admin_, config_);
  context_.kafka = std::move(kafka);
  context_.admin = admin_.get();
  context_.broker = broker_.get();
  return absl::OkStatus();
}

PipelineOptions WorkerProcess::OptionsOf(const v1::Project& project, bool adopts) {
  PipelineOptions options{
      .kept = KeptViews(*catalog_, project),
      .lane = adopts ? std::weak_ptr<LaneFolder>(adopted_) : std::weak_ptr<LaneFolder>(),
      .failed = [this](const absl::Status& why) { stop_watch_.Fail(why); }};
  // What the command line says is of the definitions that the worker began with.
  if (pipeline_ == nullptr) {
    options.from_now = options_.from_now;
    options.from_oldest = options_.from_oldest;
  }
  return options;
}

absl::Status WorkerProcess::JoinGroup() {
  claim_ = std::make_unique<WorkerClaim>(context_.kafka, wanted_.name(), config_.worker_id);
  RETURN_IF_ERROR(claim_->Make(&stop_));
  KafkaConsumer::Options consumer{.kafka = context_.kafka,
                                  .group = config_.group,
                                  .worker_id = config_.worker_id,
                                  .claim = claim_.get(),
                                  .topics = pipeline_->topics(),
                                  .known_to_group = known_to_group_};
  consumer.owner.assigned = [this](absl::Span<const TaskId> tasks) { return AddTasks(tasks); };
  consumer.owner.revoked = [this](absl::Span<const TaskId> tasks, bool lost) {
    RemoveTasks(tasks, lost);
  };
  ASSIGN_OR_RETURN(consumer_, KafkaConsumer::Create(std::move(consumer)));
  group_ = std::make_unique<GroupWatch>([this] { return consumer_->client(); }, config_.group);
  return absl::OkStatus();
}

void WorkerProcess::RemoveTasks(absl::Span<const TaskId> ids, bool lost) {
  // Its partitions are the worker's.
  if (lane_ != nullptr) {
    absl::Status stopped = lane_->Stop(lost);
    if (!stopped.ok())
      spdlog::warn("new views: {}; nothing is lost", std::string(stopped.message()));
    lane_.reset();
  }
  removed_ = next_ != nullptr && !lost ? pipeline_->worker().HandOver()
                                       : pipeline_->worker().RemoveTasks(ids, lost);
  if (IsTransient(removed_)) {
    spdlog::warn("giving tasks back: {}; nothing is lost", std::string(removed_.message()));
  }
}

absl::StatusOr<std::vector<std::optional<Offset>>> WorkerProcess::AddTasks(
    absl::Span<const TaskId> ids) {
  // Its partitions were others; it is begun anew.
  if (lane_ != nullptr) lane_->Stop(/*lost=*/true).IgnoreError();
  lane_.reset();
  if (next_ != nullptr) {
    // Where the group had given it nothing yet.
    pipeline_->worker().HandOver().IgnoreError();
    next_->Connect(consumer_.get(), consumer_.get());
    previous_ = pipeline_;
    absl::MutexLock lock(&pipeline_mutex_);
    pipeline_ = std::exchange(next_, nullptr);
  }
  ASSIGN_OR_RETURN(auto positions, pipeline_->AddTasks(ids));
  if (previous_ != nullptr) EndTurn();
  return positions;
}

std::shared_ptr<Pipeline> WorkerProcess::running() const {
  absl::MutexLock lock(&pipeline_mutex_);
  return pipeline_;
}

LookupFunction WorkerProcess::LookupIn(std::shared_ptr<Pipeline> pipeline) const {
  return [pipeline = std::move(pipeline)](int view, std::string_view key,
                                          std::optional<KnownTime> at) {
    return pipeline->worker().Lookup(view, key, at);
  };
}

// All but the views that are brought up beside: where they were here before, they are as they were.
v1::Project WorkerProcess::WithoutLane() const {
  v1::Project project = wanted_;
  project.clear_feature_views();
  for (const v1::FeatureView& view : wanted_.feature_views()) {
    const bool in_lane = lane_views_.contains(IdOf(view));
    const v1::FeatureView* running =
        pipeline_ == nullptr ? nullptr : FindView(pipeline_->project(), IdOf(view));
    if (in_lane && running == nullptr) continue;
    *project.add_feature_views() = in_lane ? *running : view;
  }
  TakeServices(*catalog_, &project);
  return project;
}

v1::Project WorkerProcess::OfLane() const {
  v1::Project project = wanted_;
  project.clear_feature_views();
  project.clear_feature_services();
  for (const v1::FeatureView& view : wanted_.feature_views()) {
    if (lane_views_.contains(IdOf(view))) *project.add_feature_views() = view;
  }
  return project;
}

// What the watch has seen of the catalog.
void WorkerProcess::TakeCatalog() {
  if (is_turning()) return;
  CatalogLog::State now;
  {
    absl::MutexLock lock(&newest_mutex_);
    now = std::exchange(newest_, nullptr);
  }
  if (now == nullptr && absl::Now() < arrange_due_) return;
  arrange_due_ = absl::InfiniteFuture();
  if (now == nullptr) return Arrange();
  wanted_ = FollowCatalog(wanted_, *catalog_, *now);
  if (std::set<ViewId> purged = PurgedViews(*catalog_, *now); !purged.empty()) {
    absl::Status forgotten = state_folder_->ForgetViews(purged);
    if (!forgotten.ok()) spdlog::warn("{}", std::string(forgotten.message()));
    if (std::ranges::any_of(purged, [&](const ViewId& id) { return lane_views_.contains(id); })) {
      EndLane().IgnoreError();
      RemoveLane(state_folder_->path());
    }
  }
  catalog_ = std::move(now);
  Arrange();
}

// Views that are new go into the lane, where their source is read already; else nothing is kept
// waiting by them.
void WorkerProcess::Arrange() {
  std::set<ViewId> lane;
  for (const v1::FeatureView& view : wanted_.feature_views()) {
    if (view.disabled()) continue;
    const v1::FeatureView* running = FindView(pipeline_->project(), IdOf(view));
    const bool is_computed =
        running != nullptr && !running->disabled() && HasOutputsOf(*running, view);
    const v1::Source& source = *FindSource(wanted_, view.source());
    if (!is_computed && pipeline_->ReadsTopic(source.topic())) lane.insert(IdOf(view));
  }
  lane_views_ = std::move(lane);
  if (!IsSame(OfLane(), lane_project_)) {
    absl::Status ended = EndLane();
    if (!ended.ok()) spdlog::warn("new views: {}; nothing is lost", std::string(ended.message()));
    lane_project_ = OfLane();
    lane_due_ = absl::InfinitePast();
    if (lane_views_.empty()) RemoveLane(state_folder_->path());
  }
  const v1::Project project = WithoutLane();
  if (!HasEnabledView(project)) {
    spdlog::warn(
        "no view is left to be answered; tasks go on with those of before until a restart");
    reader_->SetProject(project, LookupIn(pipeline_), catalog_);
    return;
  }
  const bool purged = std::ranges::any_of(pipeline_->kept(), [this](const ViewId& view) {
    return catalog_->Find(ViewKey(view)) == nullptr;
  });
  if (IsSame(project, pipeline_->project()) && !purged) {
    reader_->SetProject(project, LookupIn(pipeline_), catalog_);
    return;
  }
  absl::Status turned = Turn(project, /*adopts=*/false);
  if (turned.ok()) return;
  arrange_due_ = absl::Now() + (IsTransient(turned) ? kLanePause : kLongLanePause);
  reader_->SetCatalog(catalog_);  // services and models, as far as its views go
  turn_log_.Say(
      "{} cannot be run here: {}; going on with the definitions of before, and trying again",
      DescribeState(*catalog_), std::string(turned.message()));
}

// The tasks go to a pipeline of these definitions, at a record boundary.
absl::Status WorkerProcess::Turn(const v1::Project& project, bool adopts) {
  auto next = std::make_shared<Pipeline>(project, context_, OptionsOf(project, adopts));
  RETURN_IF_ERROR(next->Plan());
  RETURN_IF_ERROR(next->PrepareTopics());
  if (pipeline_->worker().Ready().ok())
    ready_until_ = absl::ToUnixMicros(absl::Now() + kTurnPatience);
  next_ = std::move(next);
  absl::Status renewed = consumer_->Renew(next_->topics());
  if (renewed.ok()) return renewed;
  // Where the tasks are handed over already, there is no way back.
  if (next_ == nullptr) turn_failed_ = renewed;
  next_.reset();
  return renewed;
}

void WorkerProcess::EndTurn() {
  reader_->SetProject(pipeline_->project(), LookupIn(pipeline_), catalog_);
  previous_->worker().Stop().IgnoreError();
  previous_.reset();
  if (adopted_ != nullptr) {
    CrashPoint("lane.turned");
    adopted_.reset();
    RemoveLane(state_folder_->path());
  }
  WatchSync();
  spdlog::info("running the definitions of {}", DescribeState(*catalog_));
}

absl::Status WorkerProcess::EndLane() {
  if (lane_ == nullptr) return absl::OkStatus();
  absl::Status stopped = lane_->Stop();
  lane_.reset();
  return stopped;
}

// Not so while the group is about to give them. Holds none on return: a turn waits for that.
bool WorkerProcess::HasTasks() const {
  const auto tasks = pipeline_->worker().Tasks();
  return !tasks.empty() &&
         std::ranges::none_of(tasks, [](const auto& task) { return task->lost(); });
}

void WorkerProcess::TendLane() {
  if (lane_views_.empty() || is_turning()) return;
  if (!HasTasks()) return;
  if (lane_ == nullptr) {
    if (absl::Now() < lane_due_) return;
    auto lane = Lane::Start(OfLane(), context_, pipeline_, consumer_.get());
    if (lane.ok()) {
      lane_ = *std::move(lane);
      lane_error_.clear();
      spdlog::info("bringing up {} beside what runs", JoinIds(lane_views_));
      return;
    }
    return PauseLane(lane.status());
  }
  absl::Status status = lane_->Poll();
  if (!status.ok()) {
    lane_->Stop(/*lost=*/true).IgnoreError();
    lane_.reset();
    return PauseLane(status);
  }
  if (!lane_->has_met_head()) return;
  std::shared_ptr<LaneFolder> folder;
  if (status = lane_->Stop(); status.ok()) folder = lane_->TakeFolder();
  lane_.reset();
  if (status.ok()) {
    adopted_ = std::move(folder);
    spdlog::info("{} has met the head of its topics", JoinIds(lane_views_));
    std::set<ViewId> met = std::exchange(lane_views_, {});
    lane_project_ = OfLane();
    status = Turn(WithoutLane(), /*adopts=*/true);
    if (!status.ok()) {
      lane_views_ = std::move(met);
      if (turn_failed_.ok()) adopted_.reset();
    }
  }
  if (!status.ok()) PauseLane(status);
}

void WorkerProcess::PauseLane(const absl::Status& why) {
  lane_due_ = absl::Now() + (IsTransient(why) ? kLanePause : kLongLanePause);
  lane_error_ = std::string(why.message());
  lane_log_.Say("{} cannot be brought up: {}; trying again", JoinIds(lane_views_), lane_error_);
}

std::map<ViewId, BuiltTasks> WorkerProcess::BuiltHere() const {
  std::map<ViewId, BuiltTasks> here;
  for (const TaskPlan& plan : pipeline_->plans()) {
    std::vector<std::string> built;
    for (const auto& task : pipeline_->worker().Tasks()) {
      if (task->task().id().topic == plan.topic && task->caught_up())
        built.push_back(task->task().id().ToString());
    }
    for (const ViewTaskPlan& of : plan.views) {
      const ViewId id = IdOf(*of.definition);
      const v1::CatalogObject* object = catalog_->Find(ViewKey(id));
      if (object == nullptr || object->view().state() != v1::ViewVersion::BUILDING) continue;
      BuiltTasks tasks{.tasks = pipeline_->partitions(plan)};
      const auto& known = object->view().built();
      std::ranges::copy_if(built, std::back_inserter(tasks.built), [&](const std::string& task) {
        return std::ranges::find(known, task) == known.end();
      });
      if (!tasks.built.empty()) here[id] = std::move(tasks);
    }
  }
  return here;
}

std::optional<LaneState> WorkerProcess::DescribeLane() const {
  if (lane_views_.empty()) return std::nullopt;
  LaneState state{.error = lane_error_};
  for (const ViewId& view : lane_views_) state.views.push_back(view.ToString());
  if (lane_ == nullptr) return state;
  const Lane::Progress progress = lane_->progress();
  state.reads_files = progress.files;
  state.records_read = progress.read;
  state.records = progress.all;
  state.records_per_second = progress.per_second;
  return state;
}

void WorkerProcess::ReportBuilds() {
  if (is_turning() || absl::Now() < next_report_) return;
  next_report_ = absl::Now() + kReportInterval;
  WorkerBuilds builds{.views = BuiltHere(), .lane = DescribeLane()};
  {
    absl::MutexLock lock(&pipeline_mutex_);
    lane_state_ = builds.lane;
  }
  build_report_->Tell(std::move(builds));
}

absl::Status WorkerProcess::StartServers() {
  served_ = std::make_unique<ServedAnswers>(
      ServedLogOptions{.warehouse = context_.warehouse,
                       .project = wanted_.name(),
                       .worker = config_.worker_id,
                       .flush_interval = absl::Microseconds(config_.flush_interval_us),
                       .say = [](const std::string& message) { spdlog::warn("{}", message); }});
  reader_ = std::make_unique<FeatureReader>(pipeline_->project(), LookupIn(pipeline_), catalog_,
                                            served_->keeper());
  metrics_.AddCollector([this](MetricsWriter& writer) {
    const std::shared_ptr<Pipeline> pipeline = running();
    WriteWorkerMetrics(pipeline->worker(), pipeline->source(), pipeline->offline(), &writer);
    if (upkeep_ != nullptr) WriteUpkeepMetrics(upkeep_->counters(), &writer);
    {
      absl::MutexLock lock(&sync_mutex_);
      if (sync_watch_ != nullptr) WriteSyncMetrics(sync_watch_->counts(), &writer);
    }
    WriteKeyMetrics(pipeline->key_check(), &writer);
    WriteServedMetrics(*served_, &writer);
    if (drift_watch_ != nullptr) drift_watch_->WriteMetrics(&writer);
    WriteDeadLetterMetrics(dead_letters_, &writer);
    if (serving_.load()) {
      writer.Write(Metric::kRefusedConnections, {"grpc"},
                   static_cast<double>(grpc_->refused_connections()));
    }
  });
  const ConnectionLimits limits = ConnectionLimitsFor(file_limit_);
  auto ready = [this] { return Ready(); };
  HttpServerOptions http{.address = config_.serving_address,
                         .port = static_cast<uint16_t>(config_.serving_http_port),
                         .max_connections = limits.connections,
                         .most_files = limits.files};
  ASSIGN_OR_RETURN(http_,
                   HttpServer::Start(http, reader_.get(), &metrics_, ready,
                                     PageSources(
                                         &*options_.catalog, context_.warehouse,
                                         [this] { return TaskStatesOf(running()->worker()); },
                                         [this] {
                                           absl::MutexLock lock(&pipeline_mutex_);
                                           return lane_state_;
                                         })));
  GrpcServerOptions grpc{.address = config_.serving_address,
                         .port = static_cast<uint16_t>(config_.serving_grpc_port),
                         .max_connections = limits.connections,
                         .most_files = limits.files};
  ASSIGN_OR_RETURN(grpc_, GrpcServer::Start(grpc, reader_.get(), &metrics_, ready));
  spdlog::info("listening on {}: HTTP port {}, gRPC port {}", config_.serving_address,
               http_->port(), grpc_->port());
  serving_ = true;
  WatchCatalog();
  build_report_.emplace(options_.catalog->For("bring up"), context_.warehouse, wanted_.name(),
                        config_.worker_id);
  return absl::OkStatus();
}

void WorkerProcess::WatchCatalog() {
  CatalogWatcher watcher{.changed =
                             [this](const CatalogLog::State& state) {
                               if (drift_watch_ != nullptr) drift_watch_->SetCatalog(state);
                               absl::MutexLock lock(&newest_mutex_);
                               newest_ = state;
                             },
                         .failed =
                             [](const absl::Status& why) {
                               spdlog::warn("{}: going on with what is known, and trying again",
                                            std::string(why.message()));
                             },
                         .recovered = [] { spdlog::info("the catalog is followed again"); }};
  catalog_watch_.emplace(*options_.catalog, catalog_,
                         absl::Microseconds(config_.catalog_interval_us), std::move(watcher));
}

// As before, for a while, of a worker whose tasks are opened by other definitions.
absl::Status WorkerProcess::Ready() const {
  absl::Status ready = running()->worker().Ready();
  const bool turning = absl::ToUnixMicros(absl::Now()) < ready_until_.load();
  return absl::IsUnavailable(ready) && turning ? absl::OkStatus() : ready;
}

void WorkerProcess::PrintReady() const {
  fmt::print(
      "{{\"ready\": true, \"http_port\": {}, \"grpc_port\": {}, \"brokers\": \"{}\", "
      "\"partitions\": {}}}\n",
      http_->port(), grpc_->port(), context_.kafka.bootstrap_servers,
      pipeline_->worker().Tasks().size());
  std::fflush(stdout);
}

// Whether all tasks saw the ends of their partitions. Says nothing of what is on its way to them.
bool WorkerProcess::AllRead() const {
  for (const auto& task : pipeline_->worker().Tasks()) {
    if (!task->at_end() || task->task().statistics().waiting != 0) return false;
  }
  return pipeline_->worker().Ready().ok();
}

// Whether every task has applied all that its partition holds, asked of the broker after a commit
// has pushed out what sources forward; and nothing is brought up beside.
absl::StatusOr<bool> WorkerProcess::CaughtUp() {
  if (is_turning() || !lane_views_.empty() || !AllRead()) return false;
  RETURN_IF_ERROR(pipeline_->worker().Commit());
  auto tasks = pipeline_->worker().Tasks();
  std::vector<TaskId> ids;
  ids.reserve(tasks.size());
  for (const auto& task : tasks) ids.push_back(task->task().id());
  absl::StatusOr<std::vector<Offset>> ends = pipeline_->source().QueryEnds(ids, absl::Seconds(10));
  if (!ends.ok()) return false;  // asked again; what is wrong for good shows when fetching
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i]->position().value() + 1 < (*ends)[i].value()) return false;
  }
  return AllRead();  // what the commit has pushed out may wait
}

// What is said now and then.
void WorkerProcess::LookAround() {
  absl::Time now = absl::Now();
  auto tasks = pipeline_->worker().Tasks();
  bring_up_log_.Look(tasks, now);
  ready_log_.Look(Ready(), tasks.size(), now);
  if (!pipeline_->worker().HasAllTasks()) group_->Look(now);
  dead_letters_.SayDue();
}

absl::Status WorkerProcess::LookAfterTasks() {
  RETURN_IF_ERROR(consumer_->Poll(kPoll));
  RETURN_IF_ERROR(pipeline_->worker().status());
  RETURN_IF_ERROR(CheckFlushes());
  CheckUpkeep();
  CheckSetback();
  return pipeline_->WatchTopics();
}

absl::Status WorkerProcess::Serve() {
  bool ready = false;
  while (!stop_.load()) {
    RETURN_IF_ERROR(LookAfterTasks());
    TakeCatalog();
    TendLane();
    RETURN_IF_ERROR(turn_failed_);
    ReportBuilds();
    LookAround();
    if (!ready && pipeline_->worker().Ready().ok()) {
      ready = true;
      PrintReady();
    }
    if (!options_.until_idle || !ready) continue;
    ASSIGN_OR_RETURN(bool caught_up, CaughtUp());
    if (!caught_up) continue;
    summary_ = RunSummary(pipeline_->worker().Tasks(), dead_letters_.Counts());
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

// Of what runs now.
void WorkerProcess::WatchSync() {
  if (config_.verify_every_us <= 0) return;
  absl::MutexLock lock(&sync_mutex_);
  if (sync_watch_ != nullptr) sync_watch_->Stop();
  sync_watch_.reset();
  *synced_.project = pipeline_->project();
  synced_.config = config_;
  sync_watch_ =
      std::make_unique<SyncWatch>(synced_, context_.kafka, context_.warehouse, LookupIn(pipeline_));
  sync_watch_->Start([this] { return TasksHere(); });
}

void WorkerProcess::PrepareUpkeep() {
  if (!config_.upkeep) return;
  drift_watch_ = std::make_unique<DriftWatch>(context_.warehouse,
                                              absl::Microseconds(config_.upkeep_interval_us));
  drift_watch_->SetCatalog(catalog_);
  upkeep_ = std::make_unique<TableUpkeep>(
      context_.warehouse,
      TableUpkeepOptions{
          .interval = absl::Microseconds(config_.upkeep_interval_us),
          .retention = absl::Microseconds(config_.table_retention_us),
          .cold = config_.cold,
          .s3 = config_.s3,
          .cold_after = absl::Microseconds(config_.cold_after_us),
          .pace = {.cpu_share = static_cast<double>(config_.upkeep_cpu_percent) / 100,
                   .bytes_per_second = config_.upkeep_bytes_per_second},
          .compaction = {.limits = {.memory_bytes = config_.compaction_memory_bytes},
                         .target_bytes = config_.table_file_bytes,
                         .encoding = config_.parquet_encoding}});
}

// Of the views whose first partition is here: so each table has one worker that looks after it, as
// a rule. Where for a while two do, one of them merges in vain.
std::vector<std::string> WorkerProcess::TablesToKeep() const {
  std::vector<std::string> tables;
  const std::shared_ptr<Pipeline> pipeline = running();
  for (const auto& task : pipeline->worker().Tasks()) {
    if (task->task().id().partition != PartitionId(0)) continue;
    for (const TaskPlan& plan : pipeline->plans()) {
      if (plan.topic != task->task().id().topic) continue;
      for (const ViewTaskPlan& view : plan.views) {
        if (view.definition->history() == v1::FeatureView::ON)
          tables.push_back(OfflineTablePath(IdOf(*view.definition)));
      }
      if (plan.archive) tables.push_back(OfflineTablePath(TableId::OfEvents(plan.source->name())));
    }
  }
  return tables;
}

std::set<TaskId> WorkerProcess::TasksHere() const {
  std::set<TaskId> here;
  for (const auto& task : running()->worker().Tasks()) here.insert(task->task().id());
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
  absl::Status status = pipeline_->offline().last_flush_error();
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
  absl::Status setback = pipeline_->worker().setback();
  if (setback.ok()) return;
  setback_log_.Say("{}: taking up the tasks again from their last states",
                   std::string(setback.message()));
  consumer_->JoinAgain();
}

absl::Status WorkerProcess::Stop(absl::Status ran) {
  if (ran.ok()) {
    spdlog::info("stopping: committing what has been applied");
  } else {
    spdlog::info("stopping without a further commit");
    pipeline_->worker().Fail(ran);
  }
  pipeline_->NoteRefusedTopics();
  next_report_ = absl::InfinitePast();
  if (ran.ok()) ReportBuilds();
  if (sync_watch_ != nullptr) sync_watch_->Stop();
  if (upkeep_ != nullptr) upkeep_->Stop();
  grpc_->Stop(kServerPatience);
  http_->Stop(kServerPatience);
  next_.reset();  // it gets no tasks any more
  if (!ran.ok() && lane_ != nullptr) lane_->Stop(/*lost=*/true).IgnoreError();
  consumer_->Close();  // takes the tasks away, which commits and flushes them
  stop_watch_.Fail(pipeline_->worker().Stop());
  // These may wait for the warehouse, and nothing depends on them any more.
  build_report_.reset();
  served_->Stop();
  if (drift_watch_ != nullptr) drift_watch_->Stop();
  ran = stop_watch_.cause();
  // Not all has reached its table. Whom the group has turned away had nothing to give.
  if (ran.ok() && absl::IsUnavailable(removed_)) ran = removed_;
  dead_letters_.SayRest();
  if (!ran.ok()) return ran;
  for (const std::string& line :
       DescribeUnwritten(pipeline_->project(), pipeline_->worker().Unwritten()))
    spdlog::info("{}", line);
  for (const std::string& line : summary_) spdlog::info("{}", line);
  return ran;
}

}  // namespace

absl::Status RunWorker(LoadedProject loaded, const RunOptions& options,
                       const std::atomic<bool>& stop) {
  return WorkerProcess(std::move(loaded), options, stop).Run();
}

}  // namespace forebay
