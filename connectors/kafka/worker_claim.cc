#include "connectors/kafka/worker_claim.h"

#include <fmt/format.h>
#include <unistd.h>

#include <random>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/retry_log.h"
#include "connectors/kafka/topic_scan.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(100);

std::string NewClaim() {
  std::random_device random;
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  return fmt::format("{:08x}{:08x} {} {}", random(), random(), host, getpid());
}

}  // namespace

WorkerClaim::WorkerClaim(KafkaConfig kafka, std::string_view project, std::string worker_id)
    : kafka_(std::move(kafka)),
      topic_(PositionsTopic(project)),
      worker_id_(std::move(worker_id)),
      key_("worker " + worker_id_),
      value_(NewClaim()) {}

absl::Status WorkerClaim::Make(const std::atomic<bool>* cancel) const {
  RetryLog log;
  while (true) {
    ASSIGN_OR_RETURN(std::unique_ptr<Producer> producer,
                     Producer::Create(kafka_, {}, DeliveryReports::kAll, cancel));
    absl::Status made =
        producer->Produce({.topic = topic_, .partition = 0, .key = key_, .value = value_});
    if (made.ok()) made = producer->Flush();
    if (!absl::IsUnavailable(made)) return made;
    log.Say("claiming worker_id {}: {}, retrying", worker_id_, std::string(made.message()));
    absl::SleepFor(kPause);
  }
}

absl::Status WorkerClaim::Check() const {
  ASSIGN_OR_RETURN(std::unique_ptr<TopicScan> scan,
                   TopicScan::Open(kafka_, topic_, 1, topic_, TopicScan::Isolation::kUncommitted));
  std::string newest = value_;
  RETURN_IF_ERROR(scan->Read([&](PartitionId, const RawRecord& record) {
    if (record.key == key_ && record.value) newest = *record.value;
    return absl::OkStatus();
  }));
  if (newest == value_) return absl::OkStatus();
  std::vector<std::string> other = absl::StrSplit(newest, ' ');
  other.resize(3);
  return absl::FailedPreconditionError(
      fmt::format("another worker with worker_id {} has started since and taken this one's place: "
                  "process {} on host {}. Stop one of the two, or give each its own worker_id",
                  worker_id_, other[2], other[1]));
}

}  // namespace forebay
