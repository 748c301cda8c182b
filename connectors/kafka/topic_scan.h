// A topic read as a whole, for tools: from its oldest record to where it ended when the scan was
// opened, by nobody's group assignment.
//
//   ASSIGN_OR_RETURN(auto scan, TopicScan::Open(config, "shop.dead-letter", partitions, group));
//   RETURN_IF_ERROR(scan->Read([&](PartitionId partition, const RawRecord& record) {
//     ... record, HeadersOf(record) ...
//     return absl::OkStatus();
//   }));
//
// UNAVAILABLE: no broker answers. Not thread-safe.
#ifndef FOREBAY_CONNECTORS_KAFKA_TOPIC_SCAN_H_
#define FOREBAY_CONNECTORS_KAFKA_TOPIC_SCAN_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/kafka/client_config.h"
#include "engine/batch/event_batch.h"

struct rd_kafka_message_s;

namespace forebay {

class TopicScan {
 public:
  // Stops the reading with an error of its own. The record is valid during the call.
  using Visit = std::function<absl::Status(PartitionId partition, const RawRecord& record)>;

  // Whether records of transactions that have not ended are read, too.
  enum class Isolation { kCommitted, kUncommitted };

  // `group`: whose committed offsets Committed() gives; nobody joins it. `cancel` (may be null)
  // ends a reading: CANCELLED.
  static absl::StatusOr<std::unique_ptr<TopicScan>> Open(
      const KafkaConfig& config, std::string topic, int32_t partitions, const std::string& group,
      Isolation isolation = Isolation::kCommitted, const std::atomic<bool>* cancel = nullptr);

  // By partition: the offset after the last record that is read.
  const std::vector<Offset>& ends() const { return ends_; }

  // By partition: the group's committed offset, which is the next to read; 0 where it has none.
  absl::StatusOr<std::vector<Offset>> Committed() const;

  // Every record once, in offset order per partition. May be called again, and gives the same
  // unless the topic's retention has deleted some.
  absl::Status Read(const Visit& visit);

  // Likewise those from these offsets on, one per partition; of the end of a partition, or beyond:
  // none of it.
  absl::Status ReadFrom(const std::vector<Offset>& from, const Visit& visit);

 private:
  TopicScan(std::string topic, ClientHandle client, const std::atomic<bool>* cancel)
      : topic_(std::move(topic)), client_(std::move(client)), cancel_(cancel) {}

  absl::Status FindEnds(int32_t partitions);
  absl::Status ReadPartitions(std::vector<bool> ended, const Visit& visit);
  absl::StatusOr<bool> VisitMessage(const rd_kafka_message_s& message, const Visit& visit) const;

  const std::string topic_;
  const ClientHandle client_;
  const std::atomic<bool>* const cancel_;
  std::vector<Offset> starts_;
  std::vector<Offset> ends_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_TOPIC_SCAN_H_
