// Sends dead letters back to the topic that their record came from: to the same partition, with the
// key, value, headers and timestamp that it had, and one header more:
//
//   forebay-again    "<dead-letter topic>/<partition>/<offset>": the dead letter that it was
//
// How far that has been done is the committed offset of a group, ReturnGroup(), which changes in
// the transactions that the records are in. So a record goes back once, whatever happens in
// between, as long as the broker keeps the offset (offsets.retention.minutes).
//
//   DeadLetterReturn again(config, "shop", committed, scan->ends());
//   RETURN_IF_ERROR(again.Send(partition, offset, letter));   // in the order of the topic
//   again.Pass(partition, offset);                            // one that stays
//   RETURN_IF_ERROR(again.Finish());
//
// Waits for brokers that are away. UNAVAILABLE: what was committed stands, begin again to go on.
// Not thread-safe.
#ifndef FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_RETURN_H_
#define FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_RETURN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "connectors/kafka/transactional_producer.h"
#include "engine/batch/change_batch.h"

namespace forebay {

// "<project>.dead-letter.again"
std::string ReturnGroup(const std::string& project);

class DeadLetterReturn {
 public:
  // By partition of the dead-letter topic: the group's offset as it is, and the offset after the
  // last letter there is.
  DeadLetterReturn(KafkaConfig config, const std::string& project, std::vector<Offset> committed,
                   std::vector<Offset> ends);

  absl::Status Send(PartitionId partition, Offset offset, const DeadLetter& letter);
  void Pass(PartitionId partition, Offset offset);

  // All letters have been sent or passed. If any was sent, what lies before `ends` is done.
  absl::Status Finish();

 private:
  absl::Status Begin();
  absl::Status Produce(PartitionId partition, Offset offset, const DeadLetter& letter);
  absl::Status Commit(const std::vector<Offset>& next);
  absl::Status OrAbort(absl::Status status);

  const KafkaConfig config_;
  const std::string topic_;  // of the dead letters
  const std::string group_;
  const std::vector<Offset> ends_;
  std::vector<Offset> next_;                         // to be committed, by partition
  std::unique_ptr<TransactionalProducer> producer_;  // null: nothing sent yet
  int64_t open_ = 0;  // records in the transaction at hand; 0: none is open
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DEAD_LETTER_DEAD_LETTER_RETURN_H_
