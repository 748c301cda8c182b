// Sends dead letters back to the topic that their record came from: to the same partition, with the
// key, value, headers and timestamp that it had, and one header more:
//
//   forebay-again    "<dead-letter topic>/<partition>/<offset>": the dead letter that it was
//
// How far that has been done is the committed offset of a group, ReturnGroup(), which changes in
// the transactions that the records are in. So a record goes back once, whatever happens in
// between, as long as the broker keeps the offset (offsets.retention.minutes).
//
//   ASSIGN_OR_RETURN(auto again, DeadLetterReturn::Open(config, "shop", *scan));
//   RETURN_IF_ERROR(again->Send(partition, offset, letter));   // in the order of the topic
//   again->Pass(partition, offset);                            // one that stays
//   RETURN_IF_ERROR(again->Finish());
//
// Waits for brokers that are away. After an error what was committed stands: begin anew to go on.
// Not thread-safe.
#ifndef FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_RETURN_H_
#define FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_RETURN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "connectors/kafka/topic_scan.h"
#include "connectors/kafka/transactional_producer.h"
#include "engine/batch/change_batch.h"

namespace forebay {

// "<project>.dead-letter.again"
std::string ReturnGroup(const std::string& project);

class DeadLetterReturn {
 public:
  // `scan`: of the dead-letter topic, with ReturnGroup(). Whoever else is sending back letters of
  // the project gets FAILED_PRECONDITION from here on, so that nothing is done by two.
  static absl::StatusOr<std::unique_ptr<DeadLetterReturn>> Open(const KafkaConfig& config,
                                                                const std::string& project,
                                                                const TopicScan& scan);

  // By partition of the dead-letter topic: up to where it was done before, the next offset.
  const std::vector<Offset>& done() const { return done_; }

  absl::Status Send(PartitionId partition, Offset offset, const DeadLetter& letter);
  void Pass(PartitionId partition, Offset offset);

  // All letters of the scan have been sent or passed. If any was sent, all of them are done.
  absl::Status Finish();

 private:
  DeadLetterReturn(const std::string& project, std::vector<Offset> ends);

  absl::Status Begin();
  absl::Status Produce(PartitionId partition, Offset offset, const DeadLetter& letter);
  absl::Status Commit(const std::vector<Offset>& next);
  absl::Status OrAbort(const absl::Status& status);

  const std::string topic_;  // of the dead letters
  const std::string group_;
  const std::vector<Offset> ends_;
  std::unique_ptr<TransactionalProducer> producer_;
  std::vector<Offset> done_;
  std::vector<Offset> next_;  // to be committed
  bool any_ = false;          // was sent
  int64_t open_ = 0;          // records in the transaction at hand; 0: none is open
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_RETURN_H_
