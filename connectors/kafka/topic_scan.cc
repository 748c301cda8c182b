#include "connectors/kafka/topic_scan.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <map>

#include "connectors/kafka/consumer.h"
#include "connectors/kafka/kafka_error.h"
#include "connectors/kafka/partition_list.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int kAnswerMillis = 10'000;
constexpr int kLookMillis = 200;
constexpr int kSilenceMillis = 30'000;
constexpr char kEndMillis[] = "10";

using MessageHandle = std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)>;

}  // namespace

absl::StatusOr<std::unique_ptr<TopicScan>> TopicScan::Open(const KafkaConfig& config,
                                                           std::string topic, int32_t partitions,
                                                           const std::string& group,
                                                           Isolation isolation,
                                                           const std::atomic<bool>* cancel) {
  // The end behind a transaction's marker is told by a fetch that finds nothing.
  std::map<std::string, std::string> own = {{"group.id", group}, {"fetch.wait.max.ms", kEndMillis}};
  if (isolation == Isolation::kUncommitted) own["isolation.level"] = "read_uncommitted";
  ASSIGN_OR_RETURN(ConfHandle conf, NewConf(config, ClientRole::kConsumer, own));
  ASSIGN_OR_RETURN(ClientHandle client, NewClient(std::move(conf), ClientRole::kConsumer));
  rd_kafka_poll_set_consumer(client.get());
  std::unique_ptr<TopicScan> scan(new TopicScan(std::move(topic), std::move(client), cancel));
  RETURN_IF_ERROR(scan->FindEnds(partitions));
  return scan;
}

absl::Status TopicScan::FindEnds(int32_t partitions) {
  for (int32_t partition = 0; partition < partitions; ++partition) {
    int64_t low = 0, high = 0;
    RETURN_IF_ERROR(
        KafkaStatus(rd_kafka_query_watermark_offsets(client_.get(), topic_.c_str(), partition, &low,
                                                     &high, kAnswerMillis),
                    fmt::format("asking for the offsets of {}/{}", topic_, partition)));
    starts_.emplace_back(low);
    ends_.emplace_back(high);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Offset>> TopicScan::Committed() const {
  PartitionList list = NewPartitionList();
  for (size_t i = 0; i < ends_.size(); ++i)
    Add(list.get(), {topic_, PartitionId(static_cast<int32_t>(i))});
  std::string context = "committed offsets of topic " + topic_;
  RETURN_IF_ERROR(
      KafkaStatus(rd_kafka_committed(client_.get(), list.get(), kAnswerMillis), context));
  std::vector<Offset> offsets;
  for (int i = 0; i < list->cnt; ++i) {
    RETURN_IF_ERROR(KafkaStatus(list->elems[i].err, context));
    offsets.emplace_back(std::max<int64_t>(list->elems[i].offset, 0));
  }
  return offsets;
}

absl::Status TopicScan::Read(const Visit& visit) { return ReadFrom(starts_, visit); }

absl::Status TopicScan::ReadFrom(const std::vector<Offset>& from, const Visit& visit) {
  PartitionList list = NewPartitionList();
  std::vector<bool> ended(ends_.size());
  for (size_t i = 0; i < ends_.size(); ++i) {
    ended[i] = std::max(starts_[i], from[i]) >= ends_[i];
    if (ended[i]) continue;
    Add(list.get(), {topic_, PartitionId(static_cast<int32_t>(i))}).offset =
        from[i] <= starts_[i] ? RD_KAFKA_OFFSET_BEGINNING : from[i].value();
  }
  RETURN_IF_ERROR(
      KafkaStatus(rd_kafka_assign(client_.get(), list.get()), "reading topic " + topic_));
  absl::Status status = ReadPartitions(std::move(ended), visit);
  rd_kafka_assign(client_.get(), nullptr);
  return status;
}

absl::Status TopicScan::ReadPartitions(std::vector<bool> ended, const Visit& visit) {
  int silence = 0;
  while (std::find(ended.begin(), ended.end(), false) != ended.end()) {
    if (cancel_ != nullptr && cancel_->load()) return absl::CancelledError("reading " + topic_);
    MessageHandle message(rd_kafka_consumer_poll(client_.get(), kLookMillis),
                          &rd_kafka_message_destroy);
    silence = message == nullptr ? silence + kLookMillis : 0;
    if (silence >= kSilenceMillis) {
      return absl::UnavailableError(fmt::format("reading topic {}: no broker answers for {} s",
                                                topic_, kSilenceMillis / 1000));
    }
    if (message == nullptr) continue;
    ASSIGN_OR_RETURN(bool at_end, VisitMessage(*message, visit));
    if (at_end) ended[message->partition] = true;
  }
  return absl::OkStatus();
}

// Whether the partition has been read to its end.
absl::StatusOr<bool> TopicScan::VisitMessage(const rd_kafka_message_s& message,
                                             const Visit& visit) const {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return true;
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return KafkaStatus(message.err, "reading topic " + topic_, rd_kafka_message_errstr(&message));
  }
  int64_t end = ends_[message.partition].value();
  if (message.offset < end) {
    RETURN_IF_ERROR(visit(PartitionId(message.partition), RawRecordOf(message)));
  }
  return message.offset + 1 >= end;
}

}  // namespace forebay
