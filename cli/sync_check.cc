#include "cli/sync_check.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "connectors/kafka/admin.h"
#include "connectors/kafka/consumer.h"
#include "connectors/kafka/topic_scan.h"
#include "connectors/update_record/update_reader.h"
#include "connectors/update_record/update_record.h"
#include "engine/task/stored_state.h"
#include "engine/task/task_plan.h"
#include "forebay/v1/definition.pb.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr absl::Duration kBrokerWait = absl::Seconds(10);
constexpr size_t kKeyMemory = size_t{256} << 20;

// The end of no partition: of files.
constexpr Offset kNoEnd = Offset::Max();

class SyncCheck {
 public:
  explicit SyncCheck(const SyncCheckRequest& request) : request_(request) {}

  absl::StatusOr<std::vector<SyncFinding>> Run() {
    ASSIGN_OR_RETURN(here_, FindTasks());
    ASSIGN_OR_RETURN(admin_, KafkaAdmin::Create(request_.kafka));
    RETURN_IF_ERROR(admin_->WaitForBroker(kBrokerWait, request_.cancel));
    ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanTasks(request_.project));
    for (const TaskPlan& plan : plans) RETURN_IF_ERROR(CheckPlan(plan));
    ASSIGN_OR_RETURN(std::vector<TaskPlan> of_files, PlanBatchTasks(request_.project));
    for (const TaskPlan& plan : of_files) {
      if (plan.source->topic().empty()) RETURN_IF_ERROR(CheckPlan(plan));
    }
    return std::move(findings_);
  }

 private:
  struct Tasks {
    int32_t partitions = 0;
    std::map<int32_t, StoredState> states;  // by partition, of those that are here
  };

  // That have a folder here.
  absl::StatusOr<std::set<TaskId>> FindTasks() const {
    absl::StatusOr<StateIdentity> identity = ReadStateIdentity(request_.config.state);
    if (absl::IsNotFound(identity.status())) return std::set<TaskId>();
    RETURN_IF_ERROR(identity.status());
    if (identity->project != request_.project.name()) return std::set<TaskId>();
    RETURN_IF_ERROR(CheckNoUnfinishedReset(request_.config.state));
    ASSIGN_OR_RETURN(std::vector<TaskId> tasks, ListTasks(request_.config.state));
    return std::set<TaskId>(tasks.begin(), tasks.end());
  }

  absl::Status CheckPlan(const TaskPlan& plan) {
    std::vector<const ViewTaskPlan*> views;
    for (const ViewTaskPlan& view : plan.views) {
      if (request_.views.contains(view.view)) views.push_back(&view);
    }
    if (views.empty()) return absl::OkStatus();
    // The states first: what follows is not behind them.
    ASSIGN_OR_RETURN(Tasks tasks, OpenTasks(plan));
    for (const ViewTaskPlan* view : views) RETURN_IF_ERROR(CheckView(plan, view->view, tasks));
    return absl::OkStatus();
  }

  absl::StatusOr<Tasks> OpenTasks(const TaskPlan& plan) const {
    Tasks tasks;
    for (const TaskId& task : here_) {
      if (task.topic != plan.topic) continue;
      absl::StatusOr<std::unique_ptr<StateStore>> store =
          OpenStoreForReading(request_.config.state, task);
      if (absl::IsNotFound(store.status())) continue;
      RETURN_IF_ERROR(store.status());
      ASSIGN_OR_RETURN(StoredState state, StoredState::Open(plan, task, *std::move(store)));
      tasks.partitions = std::max(tasks.partitions, task.partition.value() + 1);
      tasks.states.emplace(task.partition.value(), std::move(state));
    }
    if (plan.files) return tasks;
    absl::StatusOr<int32_t> partitions = admin_->PartitionCount(plan.topic);
    if (absl::IsNotFound(partitions.status())) return tasks;
    RETURN_IF_ERROR(partitions.status());
    tasks.partitions = *partitions;
    return tasks;
  }

  // Null: there is no such topic.
  absl::StatusOr<std::unique_ptr<TopicScan>> Scan(const std::string& topic) const {
    absl::StatusOr<int32_t> partitions = admin_->PartitionCount(topic);
    if (absl::IsNotFound(partitions.status())) return nullptr;
    RETURN_IF_ERROR(partitions.status());
    return TopicScan::Open(request_.kafka, topic, *partitions, request_.config.group,
                           TopicScan::Isolation::kCommitted, request_.cancel);
  }

  absl::Status CheckView(const TaskPlan& plan, int view, const Tasks& tasks) {
    const v1::FeatureView& definition = request_.project.feature_views(view);
    const bool published = definition.updates() == v1::FeatureView::ON && !plan.files;
    std::unique_ptr<TopicScan> updates, source;
    if (published) {
      ASSIGN_OR_RETURN(updates, Scan(UpdateTopic(request_.project, view)));
      ASSIGN_OR_RETURN(source, Scan(plan.topic));
    }
    for (int32_t partition = 0; partition < tasks.partitions; ++partition) {
      const TaskId task{plan.topic, PartitionId(partition)};
      auto state = tasks.states.find(partition);
      if (request_.only && (state == tasks.states.end() || !request_.only->contains(task)))
        continue;
      SyncFinding& finding = findings_.emplace_back();
      finding = {.view = {definition.name(), definition.version()}, .task = task};
      if (plan.source->has_batch() && !plan.files) {
        finding.check.note = "not compared: rows of the files before the topic have offsets, too";
        continue;
      }
      TaskCheckRequest request{
          .project = &request_.project,
          .view = view,
          .task = task,
          .state = state == tasks.states.end() ? nullptr : &state->second,
          .warehouse = request_.warehouse,
          .state_folder = request_.config.state.string(),
          .end = source == nullptr ? kNoEnd : source->ends()[static_cast<size_t>(partition)],
          .memory = kKeyMemory,
          .shown = request_.shown,
          .cancel = request_.cancel};
      if (request_.look_up != nullptr) {
        request.look_up = [&](absl::Span<const std::string> keys) {
          return request_.look_up(view, keys);
        };
      }
      if (published) {
        request.read_updates = [&](TaskCheckRequest::VisitUpdate visit) {
          return ReadUpdates(definition, task, updates.get(), visit);
        };
      }
      ASSIGN_OR_RETURN(finding.check, CheckTask(request));
    }
    return absl::OkStatus();
  }

  // None where `scan` is null.
  absl::Status ReadUpdates(const v1::FeatureView& view, const TaskId& task, TopicScan* scan,
                           TaskCheckRequest::VisitUpdate visit) const {
    if (scan == nullptr) return absl::OkStatus();
    const UpdateReader reader(view, *FindEntity(request_.project, view.entity()), task);
    std::vector<Offset> from = scan->ends();
    const auto partition = static_cast<size_t>(task.partition.value());
    if (partition >= from.size()) return absl::OkStatus();
    from[partition] = Offset(0);
    return scan->ReadFrom(from, [&](PartitionId, const RawRecord& record) {
      visit(record.key.value_or(""), reader.Read(record.value, HeadersOf(record)));
      return absl::OkStatus();
    });
  }

  const SyncCheckRequest& request_;
  std::set<TaskId> here_;
  std::unique_ptr<KafkaAdmin> admin_;
  std::vector<SyncFinding> findings_;
};

}  // namespace

absl::StatusOr<std::vector<SyncFinding>> CheckSync(const SyncCheckRequest& request) {
  return SyncCheck(request).Run();
}

}  // namespace forebay
