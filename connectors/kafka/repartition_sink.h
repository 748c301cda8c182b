// Feeds the repartition topics (S26): every record that a source's task forwards goes to the
// partition that its entity key hashes to (Kafka's murmur2).
//
//   RepartitionSink sink(Repartitions(task_plans), {{"flights", 8}},
//                        {.kafka = config, .cancel = &give_up});
//
// Offer sends at once; Commit waits until all is acknowledged. Every partition of the source's
// repartition topics is told by markers how far the task has come: when it starts, soon after what
// it sends, at once when it stands at its end, and at each commit. Delivery is at least once: the
// reading task drops what it has seen, by source offset. Waits and errors as MakeUpdateSink's.
#ifndef FOREBAY_CONNECTORS_KAFKA_REPARTITION_SINK_H_
#define FOREBAY_CONNECTORS_KAFKA_REPARTITION_SINK_H_

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "connectors/kafka/client_config.h"
#include "connectors/kafka/ordered_publisher.h"
#include "connectors/kafka/topics.h"
#include "engine/batch/sink.h"

namespace forebay {

struct RepartitionSinkOptions {
  KafkaConfig kafka;
  const std::atomic<bool>* cancel = nullptr;  // must outlive the sink
};

class RepartitionSink : public Sink {
 public:
  // `source_partitions`: by topic, as for PlanTopics.
  RepartitionSink(const std::vector<Repartition>& repartitions,
                  const absl::flat_hash_map<std::string, int32_t>& source_partitions,
                  RepartitionSinkOptions options);

  absl::StatusOr<Offset> Open(const TaskId& task) override;
  absl::Status Offer(const TaskOutput& output) override;
  absl::Status Commit(absl::Span<const TaskOutput* const> outputs) override;
  absl::Status Close(const TaskId& task) override;
  void Lose(const TaskId& task) override;

 private:
  struct Target {
    std::string entity;
    std::string topic;
    int32_t partitions;
  };
  // Of the tasks of one topic.
  struct Source {
    std::vector<Target> targets;
    absl::Duration marker_interval;  // of one task, unless there is more to say
  };
  // Of one task.
  struct Marks {
    absl::Mutex mutex;
    // What is on its way; not at the end while more is being sent.
    SourceMarker sent ABSL_GUARDED_BY(mutex);
    SourceMarker marked ABSL_GUARDED_BY(mutex);  // the newest marker
    absl::Time marked_time ABSL_GUARDED_BY(mutex) = absl::InfinitePast();
    // That was given it: what another was given may be lost.
    std::weak_ptr<Producer> producer ABSL_GUARDED_BY(mutex);
  };

  const Source* FindSource(const TaskId& task) const;
  std::shared_ptr<Marks> FindMarks(const TaskId& task) const;
  absl::Status Write(const TaskOutput& output, Offset after, Producer& producer) const;
  // `due`: whatever was marked last, and when.
  absl::Status Mark(const Source& source, bool due, Marks& marks,
                    const std::shared_ptr<Producer>& producer) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(marks.mutex);
  absl::Status MarkCommit(const TaskOutput& output,
                          const std::shared_ptr<Producer>& producer) const;
  static absl::Status WriteMarkers(const Source& source, const SourceMarker& marker,
                                   Producer& producer);

  absl::flat_hash_map<std::string, Source> sources_;  // by topic
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<TaskId, std::shared_ptr<Marks>> marks_ ABSL_GUARDED_BY(mutex_);
  OrderedPublisher publisher_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_REPARTITION_SINK_H_
