// One Kafka transaction after another, each of which happens wholly or not at all.
//
//   ASSIGN_OR_RETURN(auto producer, TransactionalProducer::Create(config, "forebay-shop-w1",
//   &cancel)); RETURN_IF_ERROR(producer->Begin());
//   RETURN_IF_ERROR(producer->records().Produce(record)); ...
//   RETURN_IF_ERROR(producer->SendOffsets(next_offsets, consumer.GroupMetadata()));
//   RETURN_IF_ERROR(producer->Commit());
//
// Every step waits for brokers that are away, with a log line now and then. What else it returns:
//   UNAVAILABLE          the transaction was not, or may not have been committed: Recover(), redo
//   ABORTED              the consumer group has moved on: the tasks are no longer this worker's
//   FAILED_PRECONDITION  somebody has to act
//   CANCELLED            `cancel` became true
// Not thread-safe.
#ifndef FOREBAY_CONNECTORS_KAFKA_TRANSACTIONAL_PRODUCER_H_
#define FOREBAY_CONNECTORS_KAFKA_TRANSACTIONAL_PRODUCER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/kafka/producer.h"
#include "engine/batch/event_batch.h"

struct rd_kafka_consumer_group_metadata_s;
struct rd_kafka_error_s;

namespace forebay {

class TransactionalProducer {
 public:
  // Returns once the broker has ended whatever an earlier producer with the id left open.
  static absl::StatusOr<std::unique_ptr<TransactionalProducer>> Create(
      const KafkaConfig& config, const std::string& transactional_id,
      const std::atomic<bool>* cancel);

  absl::Status Begin();
  // Takes the records of the transaction.
  Producer& records() { return *producer_; }
  absl::Status SendOffsets(absl::Span<const std::pair<TaskId, Offset>> next_offsets,
                           const rd_kafka_consumer_group_metadata_s* group);
  absl::Status Commit();

  // After any failed step: true when the transaction was aborted and the producer can go on; false
  // when its outcome is not known or the producer is spent: discard it, make a new one (which
  // settles the outcome) and ask the group's committed offsets. False also if the broker has not
  // answered after `patience`.
  bool Recover(absl::Duration patience);

  // Of taking a record: an error that comes of fencing is said to be that.
  absl::Status Explain(absl::Status taken);

  // The broker has closed the id to this producer: a transaction took too long, or another producer
  // was made with it, by this worker or another.
  bool fenced() const { return fenced_; }

 private:
  explicit TransactionalProducer(std::string id) : id_(std::move(id)) {}

  // Calls `step` (given a timeout in ms) until it neither fails nor asks to be called again.
  // UNAVAILABLE: it did so for `patience`.
  absl::Status Repeat(std::string_view what, const std::function<rd_kafka_error_s*(int)>& step,
                      absl::Duration patience = absl::InfiniteDuration());
  absl::Status Classify(std::string_view what, const rd_kafka_error_s& error);
  absl::Status Fence(std::string_view what, std::string_view text);
  absl::Status StepStatus(std::string_view what, int code, std::string_view text);

  const std::string id_;
  std::unique_ptr<Producer> producer_;
  bool spent_ = false;  // must be discarded
  bool fenced_ = false;
  bool ending_ = false;  // Commit was called: the outcome may be either
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_TRANSACTIONAL_PRODUCER_H_
