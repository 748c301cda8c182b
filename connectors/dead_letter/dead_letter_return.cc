#include "connectors/dead_letter/dead_letter_return.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <utility>

#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

constexpr std::string_view kAgain = "forebay-again";
// A transaction holds back the readers of the topic, and must end before the broker gives it up.
constexpr int64_t kRecordsPerTransaction = 10'000;

using GroupMetadata = std::unique_ptr<rd_kafka_consumer_group_metadata_t,
                                      decltype(&rd_kafka_consumer_group_metadata_destroy)>;

}  // namespace

std::string ReturnGroup(const std::string& project) { return DeadLetterTopic(project) + ".again"; }

DeadLetterReturn::DeadLetterReturn(const std::string& project, std::vector<Offset> ends)
    : topic_(DeadLetterTopic(project)), group_(ReturnGroup(project)), ends_(std::move(ends)) {}

absl::StatusOr<std::unique_ptr<DeadLetterReturn>> DeadLetterReturn::Open(const KafkaConfig& config,
                                                                         const std::string& project,
                                                                         const TopicScan& scan) {
  std::unique_ptr<DeadLetterReturn> made(new DeadLetterReturn(project, scan.ends()));
  ASSIGN_OR_RETURN(made->producer_, TransactionalProducer::Create(config, made->group_, nullptr));
  // Only now: another one may have been at work until then.
  ASSIGN_OR_RETURN(made->done_, scan.Committed());
  made->next_ = made->done_;
  return made;
}

absl::Status DeadLetterReturn::Send(PartitionId partition, Offset offset,
                                    const DeadLetter& letter) {
  RETURN_IF_ERROR(Begin());
  RETURN_IF_ERROR(OrAbort(Produce(partition, offset, letter)));
  Pass(partition, offset);
  any_ = true;
  if (++open_ < kRecordsPerTransaction) return absl::OkStatus();
  return Commit(next_);
}

void DeadLetterReturn::Pass(PartitionId partition, Offset offset) {
  Offset& next = next_[partition.value()];
  next = std::max(next, offset + 1);
}

absl::Status DeadLetterReturn::Finish() {
  if (!any_) return absl::OkStatus();
  RETURN_IF_ERROR(Begin());
  return Commit(ends_);
}

absl::Status DeadLetterReturn::Begin() { return open_ > 0 ? absl::OkStatus() : producer_->Begin(); }

absl::Status DeadLetterReturn::Produce(PartitionId partition, Offset offset,
                                       const DeadLetter& letter) {
  std::string from = fmt::format("{}/{}/{}", topic_, partition.value(), offset.value());
  std::vector<HeaderView> headers = ViewsOf(letter.headers);
  std::erase_if(headers, [](const HeaderView& header) { return header.first == kAgain; });
  headers.emplace_back(kAgain, from);
  return producer_->records().Produce({.topic = letter.task.topic,
                                       .partition = letter.task.partition.value(),
                                       .key = letter.key,
                                       .value = letter.value,
                                       .headers = headers,
                                       .timestamp = letter.timestamp});
}

absl::Status DeadLetterReturn::Commit(const std::vector<Offset>& next) {
  std::vector<std::pair<TaskId, Offset>> next_offsets;
  for (size_t i = 0; i < next.size(); ++i) {
    next_offsets.push_back({{topic_, PartitionId(static_cast<int32_t>(i))}, next[i]});
  }
  GroupMetadata group(rd_kafka_consumer_group_metadata_new(group_.c_str()),
                      &rd_kafka_consumer_group_metadata_destroy);
  RETURN_IF_ERROR(OrAbort(producer_->SendOffsets(next_offsets, group.get())));
  RETURN_IF_ERROR(OrAbort(producer_->Commit()));
  open_ = 0;
  return absl::OkStatus();
}

// A transaction that is left open would hold back the topic's readers.
absl::Status DeadLetterReturn::OrAbort(const absl::Status& status) {
  if (status.ok()) return status;
  producer_->Recover(absl::InfiniteDuration());
  return absl::Status(
      status.code(),
      fmt::format(
          "sending dead letters of {} back: {}. What was sent in whole transactions stands: "
          "do it again to go on, one at a time for a project",
          topic_, std::string(status.message())));
}

}  // namespace forebay
