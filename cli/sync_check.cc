#include "cli/sync_check.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "cli/stored_states.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/consumer.h"
#include "connectors/kafka/files_end.h"
#include "connectors/kafka/topic_scan.h"
#include "connectors/update_record/update_reader.h"
#include "connectors/update_record/update_record.h"
#include "engine/task/stored_state.h"
#include "engine/task/task_plan.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr absl::Duration kBrokerWait = absl::Seconds(10);
constexpr size_t kKeyMemory = size_t{256} << 20;

class SyncCheck {
 public:
  explicit SyncCheck(const SyncCheckRequest& request)
      : request_(request), project_(*request.loaded.project) {}

  absl::StatusOr<std::vector<SyncFinding>> Run() {
    ASSIGN_OR_RETURN(const std::vector<TaskPlan> plans, FindPlans());
    const bool of_files =
        std::all_of(plans.begin(), plans.end(), [](const auto& p) { return p.files; });
    if (!of_files) {
      ASSIGN_OR_RETURN(admin_, KafkaAdmin::Create(request_.kafka));
      RETURN_IF_ERROR(admin_->WaitForBroker(kBrokerWait, request_.cancel));
    }
    // The states first: what is read of other places is not behind them.
    absl::StatusOr<std::vector<StoredState>> states =
        ReadStates(request_.loaded, plans, request_.only);
    if (absl::IsNotFound(states.status())) states = std::vector<StoredState>();
    RETURN_IF_ERROR(states.status());
    for (const StoredState& state : *states) states_[state.task()] = &state;
    if (!states->empty()) {
      ASSIGN_OR_RETURN(file_states_, ReadStates(request_.loaded, file_plans_));
    }
    for (const TaskPlan& plan : plans) {
      ASSIGN_OR_RETURN(const int32_t partitions, PartitionsOf(plan));
      for (const ViewTaskPlan& view : plan.views) {
        if (request_.views.contains(view.view))
          RETURN_IF_ERROR(CheckView(plan, view.view, partitions));
      }
    }
    return std::move(findings_);
  }

 private:
  // Those of the views that are asked for. Of a source with a topic, its tasks go on from those of
  // its files.
  absl::StatusOr<std::vector<TaskPlan>> FindPlans() {
    ASSIGN_OR_RETURN(std::vector<TaskPlan> plans, PlanTasks(project_));
    ASSIGN_OR_RETURN(std::vector<TaskPlan> of_files, PlanBatchTasks(project_));
    for (TaskPlan& plan : of_files) {
      if (plan.source->topic().empty()) {
        plans.push_back(std::move(plan));
      } else if (plan.source->batch().until_offsets_size() > 0) {
        file_plans_.push_back(std::move(plan));
      }
    }
    auto is_of_no_view = [this](const TaskPlan& plan) {
      return std::none_of(plan.views.begin(), plan.views.end(), [this](const ViewTaskPlan& view) {
        return request_.views.contains(view.view);
      });
    };
    std::erase_if(plans, is_of_no_view);
    std::erase_if(file_plans_, is_of_no_view);
    return plans;
  }

  // 0: there are none yet.
  absl::StatusOr<int32_t> PartitionsOf(const TaskPlan& plan) const {
    int32_t partitions = 0;
    for (const auto& [task, state] : states_) {
      if (task.topic == plan.topic) partitions = std::max(partitions, task.partition.value() + 1);
    }
    if (plan.files) return partitions;
    absl::StatusOr<int32_t> of_topic = admin_->PartitionCount(plan.topic);
    return absl::IsNotFound(of_topic.status()) ? partitions : of_topic;
  }

  // Null: there is no such topic.
  absl::StatusOr<std::unique_ptr<TopicScan>> Scan(const std::string& topic) const {
    absl::StatusOr<int32_t> partitions = admin_->PartitionCount(topic);
    if (absl::IsNotFound(partitions.status())) return nullptr;
    RETURN_IF_ERROR(partitions.status());
    return TopicScan::Open(request_.kafka, topic, *partitions, request_.loaded.config.group,
                           TopicScan::Isolation::kCommitted, request_.cancel);
  }

  absl::Status CheckView(const TaskPlan& plan, int view, int32_t partitions) {
    const v1::FeatureView& definition = project_.feature_views(view);
    const bool published = definition.updates() == v1::FeatureView::ON && !plan.files;
    std::unique_ptr<TopicScan> updates, source;
    if (published) {
      ASSIGN_OR_RETURN(updates, Scan(UpdateTopic(project_, view)));
      ASSIGN_OR_RETURN(source, Scan(plan.topic));
    }
    for (int32_t partition = 0; partition < partitions; ++partition) {
      const TaskId task{plan.topic, PartitionId(partition)};
      auto state = states_.find(task);
      if (request_.only && state == states_.end()) continue;
      SyncFinding& finding = findings_.emplace_back();
      finding = {.view = {definition.name(), definition.version()}, .task = task};
      TaskCheckRequest request = RequestOf(view, task);
      if (state != states_.end()) request.state = state->second;
      if (HasFilesBeforeTopic(*plan.source) && !plan.files) {
        ASSIGN_OR_RETURN(finding.check.note, TellFiles(plan, &request));
        if (!finding.check.note.empty()) continue;
      }
      if (source != nullptr) request.end = source->ends()[static_cast<size_t>(partition)];
      if (published) {
        request.read_updates = [&](TaskCheckRequest::VisitUpdate visit) {
          return ReadUpdates(definition, task, updates.get(), visit);
        };
      }
      ASSIGN_OR_RETURN(finding.check, CheckTask(request));
    }
    return absl::OkStatus();
  }

  // By what the steps of the files before the plan's topic are told. Returns why they cannot be,
  // and so nothing is compared; empty: they can.
  absl::StatusOr<std::string> TellFiles(const TaskPlan& plan, TaskCheckRequest* request) const {
    constexpr const char* kNoState =
        "not compared: the state, which tells rows of the files before the topic, is not on this "
        "machine";
    if (request->state == nullptr) return kNoState;
    if (project_.feature_views(request->view).history() == v1::FeatureView::OFF)
      return "not compared: without a history, updates begin after the files";
    const v1::BatchSource& batch = plan.source->batch();
    if (batch.has_until_us()) {
      request->files = FilesBefore{.until = batch.until_us()};
      return "";
    }
    const PartitionId partition = request->task.partition;
    const TaskId task{BatchTopicOf(plan), partition};
    auto state = std::find_if(file_states_.begin(), file_states_.end(),
                              [&](const StoredState& one) { return one.task() == task; });
    if (state == file_states_.end()) return kNoState;
    ASSIGN_OR_RETURN(std::optional<StoredViewState> stored, state->Find(request->view));
    if (!stored) return kNoState;
    request->files = FilesBefore{
        .until = stored->clock.value() + 1, .has_all_before = false, .last = stored->position};
    if (!plan.repartition)
      request->files->topic_from = EndOfFiles(*plan.source, request->task).value_or(Offset(0));
    return "";
  }

  TaskCheckRequest RequestOf(int view, const TaskId& task) const {
    TaskCheckRequest request{.project = &project_,
                             .view = view,
                             .task = task,
                             .warehouse = request_.warehouse,
                             .state_folder = request_.loaded.config.state.string(),
                             .memory = kKeyMemory,
                             .shown = request_.shown,
                             .cancel = request_.cancel};
    if (request_.look_up == nullptr) return request;
    request.look_up = [this, view](absl::Span<const std::string> keys) {
      return request_.look_up(view, keys);
    };
    return request;
  }

  // None where `scan` is null.
  absl::Status ReadUpdates(const v1::FeatureView& view, const TaskId& task, TopicScan* scan,
                           TaskCheckRequest::VisitUpdate visit) const {
    if (scan == nullptr) return absl::OkStatus();
    const UpdateReader reader(view, *FindEntity(project_, view.entity()), task);
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
  const v1::Project& project_;
  std::unique_ptr<KafkaAdmin> admin_;            // null: only files are read
  std::map<TaskId, const StoredState*> states_;  // of the tasks that have one here
  // Of the tasks that have read the files before topics, where offsets say how far.
  std::vector<TaskPlan> file_plans_;
  std::vector<StoredState> file_states_;
  std::vector<SyncFinding> findings_;
};

}  // namespace

absl::StatusOr<std::vector<SyncFinding>> CheckSync(const SyncCheckRequest& request) {
  return SyncCheck(request).Run();
}

}  // namespace forebay
