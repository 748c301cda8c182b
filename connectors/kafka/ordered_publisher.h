// Publishes what tasks yield outside of transactions, each task's records in order and at least
// once: at Offer, on the task's thread, and for certain at Commit.
//
// A record waits for brokers for as long as it takes. After one that could not be delivered all the
// same, nothing that came behind it is; a new producer sends everything again that is not
// committed: by Commit only, until it has caught up with what was offered, so that no newer record
// overtakes.
//
// Thread-safe; Offers of one task come one at a time, Commits too.
#ifndef FOREBAY_CONNECTORS_KAFKA_ORDERED_PUBLISHER_H_
#define FOREBAY_CONNECTORS_KAFKA_ORDERED_PUBLISHER_H_

#include <atomic>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "connectors/kafka/client_config.h"
#include "connectors/kafka/producer.h"
#include "engine/batch/sink.h"

namespace forebay {

class OrderedPublisher {
 public:
  // Produces the records of `output` with offsets above `after`. Called by one thread per task.
  using Write = std::function<absl::Status(const TaskOutput& output, Offset after, Producer&)>;

  // Produces more, by the producer of what went before.
  using Epilogue = std::function<absl::Status(const std::shared_ptr<Producer>&)>;

  OrderedPublisher(KafkaConfig config, const std::atomic<bool>* cancel, Write write)
      : config_(std::move(config)), cancel_(cancel), write_(std::move(write)) {}

  // Everything up to `published` is in the topic already.
  void Open(const TaskId& task, Offset published);
  void Close(const TaskId& task);

  // Once all up to `output` is on its way, calls `epilogue` (may be null): what that produces comes
  // after it in each partition.
  absl::Status Offer(const TaskOutput& output, const Epilogue& epilogue = nullptr);

  // Returns when everything of `outputs` is acknowledged, and then all that `epilogue` (may be
  // null) produced, too. Waits for brokers. CANCELLED; FAILED_PRECONDITION: somebody has to act.
  absl::Status Commit(absl::Span<const TaskOutput* const> outputs, const Epilogue& epilogue);

 private:
  struct Task {
    absl::Mutex mutex;
    Offset durable ABSL_GUARDED_BY(mutex){-1};  // acknowledged
    Offset sent ABSL_GUARDED_BY(mutex){-1};     // given to the current producer, without a gap
    Offset offered ABSL_GUARDED_BY(mutex){-1};  // seen by Offer
    std::shared_ptr<Producer> producer ABSL_GUARDED_BY(mutex);  // that `sent` is about
  };

  std::shared_ptr<Task> FindTask(const TaskId& task) const;
  absl::StatusOr<std::shared_ptr<Producer>> CurrentProducer();
  void Discard(const std::shared_ptr<Producer>& producer);
  absl::Status SendMissing(Task& task, const TaskOutput& output,
                           const std::shared_ptr<Producer>& producer);
  absl::Status CommitOnce(absl::Span<const TaskOutput* const> outputs, const Epilogue& epilogue,
                          const std::shared_ptr<Producer>& producer);

  const KafkaConfig config_;
  const std::atomic<bool>* const cancel_;
  const Write write_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<Producer> producer_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<TaskId, std::shared_ptr<Task>> tasks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_ORDERED_PUBLISHER_H_
