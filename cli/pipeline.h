// From Kafka to the sinks: the tasks of one state of the definitions, with all that they read from
// and write to. A worker has one, and another when the definitions change while it runs; a lane
// (lane.h) is one of its own.
//
//   Pipeline pipeline(project, context, {});
//   RETURN_IF_ERROR(pipeline.Plan());
//   RETURN_IF_ERROR(pipeline.PrepareTopics());
//   ... a consumer of pipeline.topics() ...
//   pipeline.Connect(consumer, consumer);                   // sinks; the worker runs
//   ASSIGN_OR_RETURN(auto positions, pipeline.AddTasks(tasks));  // as PartitionOwner.assigned
#ifndef FOREBAY_CLI_PIPELINE_H_
#define FOREBAY_CLI_PIPELINE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cli/lane_folder.h"
#include "cli/project_topics.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/client_config.h"
#include "connectors/kafka/consumer.h"
#include "connectors/kafka/embedded_broker.h"
#include "connectors/kafka/kafka_source.h"
#include "connectors/kafka/record_limits.h"
#include "connectors/kafka/repartition_sink.h"
#include "connectors/key_check/key_check.h"
#include "connectors/object_store/object_store.h"
#include "engine/task/task_plan.h"
#include "engine/worker/worker.h"
#include "forebay/v1/definition.pb.h"
#include "offline/sink/offline_sink.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "schemas/definition/config.h"
#include "schemas/types/view_id.h"

namespace forebay {

// What a process has for its pipelines; all of it outlives them.
struct PipelineContext {
  const ProjectConfig* config = nullptr;
  const std::atomic<bool>* stop = nullptr;
  const std::atomic<bool>* give_up = nullptr;  // nobody is waited for any more
  const Clock* clock = nullptr;
  StateFolder* folder = nullptr;
  StoreFactory* stores = nullptr;
  std::shared_ptr<ObjectStore> warehouse;
  KafkaConfig kafka;
  KafkaAdmin* admin = nullptr;
  EmbeddedBroker* broker = nullptr;  // null: brokers that outlive the process
  int embedded_partitions = 0;
  std::vector<Sink*> logs;  // they come last: what they say has happened
  std::function<std::string(absl::Span<const TaskId> tasks)> owners_of;
};

struct PipelineOptions {
  std::vector<std::string> from_now, from_oldest;  // as RunOptions
  std::vector<ViewId> kept;                        // as TaskPlan
  // Where a lane has brought views up that are in this pipeline now, until all tasks have them.
  std::weak_ptr<LaneFolder> lane;
  // Views are brought up beside another pipeline, which has the state of what is `kept` there, and
  // feeds these topics; its records are reported, archived and committed there.
  struct Beside {
    StoreFactory* stores = nullptr;
    std::set<std::string> fed;
  };
  std::optional<Beside> beside;
  // Told the first error that ends the worker, on any thread.
  std::function<void(const absl::Status& why)> failed;
};

bool HasEnabledView(const v1::Project& project);

class Pipeline {
 public:
  Pipeline(const v1::Project& project, const PipelineContext& context, PipelineOptions options)
      : project_(project), context_(context), options_(std::move(options)) {}
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Which tasks there are; whether the folders can be written to and know the views as they are.
  absl::Status Plan();
  // Makes topics. Waits for brokers.
  absl::Status PrepareTopics();
  // What its consumer reads.
  std::vector<SubscribedTopic> topics() const;
  // Starts the worker. `member`: of the group that has the tasks.
  void Connect(KafkaConsumer* consumer, KafkaConsumer* member);

  // As PartitionOwner.assigned.
  absl::StatusOr<std::vector<std::optional<Offset>>> AddTasks(absl::Span<const TaskId> ids);

  // Now and then; FAILED_PRECONDITION: a topic is another than it was.
  absl::Status WatchTopics();
  // Before the end: which topics are not to be gone on with.
  void NoteRefusedTopics();

  const v1::Project& project() const { return project_; }
  const std::vector<TaskPlan>& plans() const { return plans_; }
  const std::vector<ViewId>& kept() const { return options_.kept; }
  bool ReadsTopic(std::string_view topic) const;
  // Of a source's topic, and of what is made of it. REQUIRES: it reads that.
  int32_t partitions(const TaskPlan& plan) const {
    return source_partitions_.at(plan.source->topic());
  }

  // REQUIRES: Connect was called.
  Worker& worker() { return *worker_; }
  const Worker& worker() const { return *worker_; }
  KafkaSource& source() { return *source_; }
  OfflineSink& offline() { return *offline_; }
  KeyCheck& key_check() { return *key_check_; }

 private:
  absl::Status PlanAllTasks();
  void MakeOffline();
  absl::StatusOr<std::vector<const v1::FeatureView*>> FindViews(
      std::string_view flag, const std::vector<std::string>& names) const;
  ViewFingerprints Fingerprints() const;
  absl::StatusOr<std::unique_ptr<StateStore>> OpenStore(const TaskId& task);
  absl::Status AdoptFiles(const TaskPlan& plan, const TaskId& task, StateStore* store);
  Whereabouts MakeWhereabouts() const;
  void ReportClockAhead(const ClockAhead& ahead) const;

  const v1::Project project_;
  const PipelineContext& context_;
  const PipelineOptions options_;
  RecordLimits limits_ = RecordLimits(KafkaConfig());
  KafkaConfig kafka_;
  std::vector<TaskPlan> plans_;
  std::vector<const v1::Entity*> entity_of_repartitioned_;  // by view; null: of its source's topic
  absl::flat_hash_map<std::string, int32_t> source_partitions_;
  std::unique_ptr<ProjectTopics> topics_;  // null: those of the embedded broker go with it
  std::unique_ptr<OfflineSink> offline_;
  std::unique_ptr<KeyCheck> key_check_;
  std::unique_ptr<KafkaSource> source_;
  std::unique_ptr<RepartitionSink> repartition_;
  std::unique_ptr<Sink> updates_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace forebay

#endif  // FOREBAY_CLI_PIPELINE_H_
