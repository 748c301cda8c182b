#include "cli/newest_updates.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "cli/ask_patiently.h"
#include "cli/kafka_config.h"
#include "cli/project_topics.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/published_positions.h"
#include "connectors/kafka/record_limits.h"
#include "connectors/kafka/topics.h"
#include "connectors/kafka/update_part.h"
#include "connectors/object_store/object_store.h"
#include "connectors/update_record/encoded_updates.h"
#include "forebay/v1/definition.pb.h"
#include "offline/verify/task_rows.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/counted.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/view_id.h"

namespace forebay {
namespace {

// A view whose files are followed by a topic.
struct FollowedView {
  int view = 0;  // index into Project.feature_views
  const v1::Entity* entity = nullptr;
  std::string files;         // the topic of the tasks that have read them
  std::string topic;         // of the tasks that go on
  std::string source_topic;  // with as many partitions
};

std::vector<FollowedView> FindFollowed(const std::vector<TaskPlan>& of_files,
                                       const std::vector<TaskPlan>& of_topics) {
  std::vector<FollowedView> followed;
  for (const TaskPlan& plan : of_topics) {
    if (!HasFilesBeforeTopic(*plan.source) || plan.views.empty()) continue;
    const std::string files = BatchTopicOf(plan);
    if (std::none_of(of_files.begin(), of_files.end(),
                     [&](const TaskPlan& one) { return one.topic == files; })) {
      continue;
    }
    for (const ViewTaskPlan& view : plan.views) {
      if (view.definition->updates() == v1::FeatureView::ON &&
          view.definition->history() == v1::FeatureView::ON) {
        followed.push_back({view.view, view.entity, files, plan.topic, plan.source->topic()});
      }
    }
  }
  return followed;
}

// The time of the newest row of each key that its updates would say, for those that live.
class NewestRows {
 public:
  explicit NewestRows(bool expiry) : expiry_(expiry) {}

  void See(std::string_view key, const StepText& row) {
    if (row.op == ChangeOp::kExpire && !expiry_) return;
    Newest& newest = newest_[KeyOf(key)];
    if (row.effective_time < newest.effective_time) return;
    newest = {row.effective_time, row.live()};
  }

  bool Has(std::string_view key, const StepText& row) const {
    auto found = newest_.find(KeyOf(key));
    return found != newest_.end() && found->second.live &&
           found->second.effective_time == row.effective_time;
  }

 private:
  struct Newest {
    int64_t effective_time = INT64_MIN;
    bool live = false;
  };

  static absl::string_view KeyOf(std::string_view key) { return {key.data(), key.size()}; }

  const bool expiry_;
  absl::flat_hash_map<std::string, Newest> newest_;
};

class NewestUpdates {
 public:
  NewestUpdates(const LoadedProject& loaded, std::vector<FollowedView> views,
                std::map<std::string, TopicRole> all_roles, const std::atomic<bool>& stop)
      : loaded_(loaded),
        views_(std::move(views)),
        all_roles_(std::move(all_roles)),
        stop_(stop),
        warehouse_(OpenObjectStore(loaded.config.warehouse, loaded.config.s3)) {}

  absl::StatusOr<std::vector<std::string>> Run() {
    RETURN_IF_ERROR(OpenTopics());
    PublishedPositions positions(project(), kafka_, &stop_);
    RETURN_IF_ERROR(positions.Refresh());
    ASSIGN_OR_RETURN(producer_, Producer::Create(kafka_, {}, DeliveryReports::kAll, &stop_));
    std::vector<std::string> done;
    for (const FollowedView& view : views_) {
      int64_t keys = 0;
      for (int partition = 0; partition < partitions_.at(view.source_topic); ++partition) {
        const PublishedOffsets published = positions.Of({view.topic, PartitionId(partition)});
        if (published.updates[view.view] >= Offset(0)) continue;
        ASSIGN_OR_RETURN(const int64_t of_partition, Publish(view, PartitionId(partition)));
        keys += of_partition;
      }
      const v1::FeatureView& definition = project().feature_views(view.view);
      if (keys > 0) {
        done.push_back(fmt::format("{}: the newest values of {} published",
                                   ViewId{definition.name(), definition.version()}.ToString(),
                                   Counted(keys, "key", "keys")));
      }
    }
    return done;
  }

 private:
  const v1::Project& project() const { return *loaded_.project; }

  absl::Status OpenTopics() {
    ASSIGN_OR_RETURN(kafka_, MakeKafkaConfig(loaded_.config));
    ASSIGN_OR_RETURN(std::unique_ptr<KafkaAdmin> admin, KafkaAdmin::Create(kafka_));
    RETURN_IF_ERROR(admin->WaitForBroker(absl::InfiniteDuration(), &stop_));
    limits_ = RecordLimits(kafka_);
    std::map<std::string, TopicRole> roles;
    std::vector<TopicSpec> specs = {PositionsSpec(project().name(), limits_.most())};
    for (const FollowedView& view : views_) {
      int32_t& partitions = partitions_[view.source_topic];
      ASSIGN_OR_RETURN(partitions, AskPatiently(stop_, [&] {
                         return admin->PartitionCount(view.source_topic);
                       }));
      specs.push_back(UpdatesSpec(project(), project().feature_views(view.view), view.source_topic,
                                  partitions, limits_.most()));
      for (const std::string& topic : {specs.back().name, view.source_topic})
        roles[topic] = all_roles_.at(topic);
    }
    for (TopicSpec& spec : specs)
      spec.replication = static_cast<int32_t>(loaded_.config.replication_factor);
    RETURN_IF_ERROR(
        ProjectTopics(project(), kafka_, admin.get(), roles, &stop_).Open(specs, &limits_));
    LimitBatches(limits_, &kafka_);
    return absl::OkStatus();
  }

  absl::Status CheckGoesOn() const {
    return stop_.load() ? absl::CancelledError("stopped while newest values were published")
                        : absl::OkStatus();
  }

  // Reads the table twice: which rows are the newest, and these. Returns how many there were.
  absl::StatusOr<int64_t> Publish(const FollowedView& followed, PartitionId partition) {
    const v1::FeatureView& definition = project().feature_views(followed.view);
    const TaskId task{followed.files, partition};
    NewestRows newest(WantedUpdates(definition, /*at_once=*/false).expiry);
    TaskRows finding(definition, *followed.entity, task,
                     {.wants = [&](std::string_view key, const StepText& row) {
                       newest.See(key, row);
                       return false;
                     }});
    RETURN_IF_ERROR(finding.TakeTable(warehouse_, [this] { return CheckGoesOn(); }));

    const PublishedView view =
        std::move(MakePublishedViews(project(), task, limits_)[followed.view]);
    auto updates = std::make_shared<EncodedUpdates>();
    int64_t published = 0, too_large = 0;
    auto publish = [&]() -> absl::Status {
      for (size_t i = 0; i < updates->size(); ++i)
        ++((*updates)[i].payload() > view.most_payload ? too_large : published);
      RETURN_IF_ERROR(
          producer_->Produce(view.topic, partition.value(), updates, 0, view.most_payload));
      updates->Clear();
      return CheckGoesOn();
    };
    TaskRows reading(
        definition, *followed.entity, task,
        {.wants = [&](std::string_view key, const StepText& row) { return newest.Has(key, row); },
         .take =
             [&](std::string_view, const Change& change, const Scalar* features) {
               view.encoder->Append(change, features, updates.get());
             }});
    RETURN_IF_ERROR(reading.TakeTable(warehouse_, publish));
    RETURN_IF_ERROR(publish());
    RETURN_IF_ERROR(producer_->Flush());
    CrashPoint("backfill.newest_published");
    if (too_large > 0) {
      spdlog::warn("the newest values of {} are too large for topic {}, and are left out",
                   Counted(too_large, "key", "keys"), view.topic);
    }
    return published;
  }

  const LoadedProject& loaded_;
  const std::vector<FollowedView> views_;
  const std::map<std::string, TopicRole> all_roles_;
  const std::atomic<bool>& stop_;
  const std::shared_ptr<ObjectStore> warehouse_;
  KafkaConfig kafka_;
  RecordLimits limits_ = RecordLimits(KafkaConfig());
  std::map<std::string, int32_t> partitions_;  // by source topic
  std::unique_ptr<Producer> producer_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> PublishNewestRows(const LoadedProject& loaded,
                                                           const std::vector<TaskPlan>& plans,
                                                           const std::atomic<bool>& stop) {
  ASSIGN_OR_RETURN(std::vector<TaskPlan> of_topics, PlanTasks(*loaded.project));
  std::vector<FollowedView> views = FindFollowed(plans, of_topics);
  if (views.empty()) return std::vector<std::string>();
  return NewestUpdates(loaded, std::move(views), TopicRoles(*loaded.project, of_topics), stop)
      .Run();
}

}  // namespace forebay
