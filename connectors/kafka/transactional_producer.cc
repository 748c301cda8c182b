#include "connectors/kafka/transactional_producer.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "connectors/kafka/kafka_error.h"
#include "connectors/kafka/partition_list.h"
#include "connectors/kafka/retry_log.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int kStepMillis = 1000;

// Full batches go out at once, and the commit sends the rest: nothing is gained by less. But once
// records have waited for as long, librdkafka (2.0 at least) polls without a pause until the
// broker has acknowledged those before them.
constexpr char kLingerMillis[] = "1000";

absl::Duration TransactionTimeout(rd_kafka_t* client) {
  char text[32];
  size_t size = sizeof(text);
  int64_t millis = 0;
  if (rd_kafka_conf_get(rd_kafka_conf(client), "transaction.timeout.ms", text, &size) !=
          RD_KAFKA_CONF_OK ||
      !absl::SimpleAtoi(text, &millis)) {
    millis = 60'000;
  }
  return absl::Milliseconds(millis);
}

bool IsFencing(int code) {
  return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
         code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TransactionalProducer>> TransactionalProducer::Create(
    const KafkaConfig& config, const std::string& transactional_id,
    const std::atomic<bool>* cancel) {
  std::unique_ptr<TransactionalProducer> made(new TransactionalProducer(transactional_id));
  KafkaConfig patient = config;
  patient.properties.try_emplace("linger.ms", kLingerMillis);
  ASSIGN_OR_RETURN(made->producer_,
                   Producer::Create(patient, {{"transactional.id", transactional_id}},
                                    DeliveryReports::kFailures, cancel));
  rd_kafka_t* client = made->producer_->client();
  made->timeout_ = TransactionTimeout(client);
  made->begun_ = absl::Now();
  RETURN_IF_ERROR(made->Repeat("opening transactions", [&](int timeout_ms) {
    return rd_kafka_init_transactions(client, timeout_ms);
  }));
  return made;
}

absl::Status TransactionalProducer::Begin() {
  begun_ = absl::Now();
  ending_ = false;
  return Repeat("beginning a transaction",
                [&](int) { return rd_kafka_begin_transaction(producer_->client()); });
}

absl::Status TransactionalProducer::SendOffsets(
    absl::Span<const std::pair<TaskId, Offset>> next_offsets,
    const rd_kafka_consumer_group_metadata_s* group) {
  PartitionList list = NewPartitionList();
  for (const auto& [task, offset] : next_offsets) Add(list.get(), task).offset = offset.value();
  return Repeat("sending offsets to the transaction", [&](int timeout_ms) {
    return rd_kafka_send_offsets_to_transaction(producer_->client(), list.get(), group, timeout_ms);
  });
}

absl::Status TransactionalProducer::Commit() {
  ending_ = true;
  absl::Status status = Repeat("committing the transaction", [&](int timeout_ms) {
    return rd_kafka_commit_transaction(producer_->client(), timeout_ms);
  });
  if (status.ok()) ending_ = false;
  return status;
}

bool TransactionalProducer::Recover() {
  if (spent_ || ending_) return false;
  absl::Status aborted = Repeat("aborting the transaction", [&](int timeout_ms) {
    return rd_kafka_abort_transaction(producer_->client(), timeout_ms);
  });
  if (!aborted.ok()) return false;
  producer_->ClearFailure();
  return true;
}

absl::Status TransactionalProducer::Repeat(std::string_view what,
                                           const std::function<rd_kafka_error_s*(int)>& step) {
  RetryLog log;
  while (true) {
    std::unique_ptr<rd_kafka_error_t, decltype(&rd_kafka_error_destroy)> error(
        step(kStepMillis), &rd_kafka_error_destroy);
    if (error == nullptr) {
      log.Done("{}: went through", what);
      return absl::OkStatus();
    }
    if (!rd_kafka_error_is_retriable(error.get())) return Classify(what, *error);
    if (producer_->cancelled()) {
      return absl::CancelledError(fmt::format("stopped while {}", what));
    }
    log.SayLater("{}: {}, retrying", what, rd_kafka_error_string(error.get()));
    // Some of these errors come at once, without waiting for the timeout.
    rd_kafka_poll(producer_->client(), 10);
  }
}

absl::Status TransactionalProducer::Classify(std::string_view what, const rd_kafka_error_s& error) {
  const rd_kafka_error_t* e = &error;
  int code = rd_kafka_error_code(e);
  std::string text = rd_kafka_error_string(e);
  if (!rd_kafka_error_txn_requires_abort(e)) spent_ = true;
  if (IsFencing(code)) {
    // The broker fences a producer whose transaction took too long, too: then nobody else has the
    // id.
    if (absl::Now() - begun_ > timeout_ * 0.8) {
      return absl::UnavailableError(fmt::format("{}: the broker gave up on a transaction of {}",
                                                what, absl::FormatDuration(absl::Now() - begun_)));
    }
    return absl::FailedPreconditionError(
        fmt::format("{}: another producer took over {} ({}). Two workers run with the same "
                    "worker_id: give each its own",
                    what, id_, text));
  }
  return StepStatus(what, code, text);
}

absl::Status TransactionalProducer::StepStatus(std::string_view what, int code,
                                               std::string_view text) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:  // also our own consumer, when it had to join anew
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
      return absl::AbortedError(
          fmt::format("{}: the consumer group has moved on ({})", what, text));
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
      return absl::FailedPreconditionError(fmt::format(
          "{}: the broker has no transactions ({}): set delivery: at_least_once", what, text));
    default:
      break;
  }
  // When records failed, their error says more than that of the transaction.
  rd_kafka_poll(producer_->client(), 0);
  absl::Status failure = producer_->Failure();
  if (absl::IsFailedPrecondition(failure)) return failure;
  absl::Status status = KafkaStatus(code, what, text);
  if (absl::IsFailedPrecondition(status)) return status;
  return absl::UnavailableError(std::string(status.message()));
}

}  // namespace forebay
