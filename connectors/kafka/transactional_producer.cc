#include "connectors/kafka/transactional_producer.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include "connectors/kafka/kafka_error.h"
#include "connectors/kafka/partition_list.h"
#include "connectors/kafka/retry_log.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int kStepMillis = 1000;

// Full batches go out at once, and the commit sends the rest: nothing is gained by less.
constexpr char kLingerMillis[] = "1000";

bool IsFencing(int code) {
  return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
         code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

std::string TimeoutMillis(rd_kafka_t* client) {
  char text[32] = "";
  size_t size = sizeof(text);
  rd_kafka_conf_get(rd_kafka_conf(client), "transaction.timeout.ms", text, &size);
  return text;
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
  RETURN_IF_ERROR(made->Repeat("opening transactions", [&](int timeout_ms) {
    return rd_kafka_init_transactions(client, timeout_ms);
  }));
  return made;
}

absl::Status TransactionalProducer::Begin() {
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
  // One that has to be aborted is not committed.
  if (status.ok() || (!spent_ && !producer_->cancelled())) ending_ = false;
  if (status.ok()) producer_->Release();
  return status;
}

bool TransactionalProducer::Recover(absl::Duration patience) {
  if (spent_ || ending_) return false;
  absl::Status aborted = Repeat(
      "aborting the transaction",
      [&](int timeout_ms) { return rd_kafka_abort_transaction(producer_->client(), timeout_ms); },
      patience);
  if (!aborted.ok()) return false;
  producer_->ClearFailure();
  producer_->Release();
  return true;
}

absl::Status TransactionalProducer::Repeat(std::string_view what,
                                           const std::function<rd_kafka_error_s*(int)>& step,
                                           absl::Duration patience) {
  absl::Time end = absl::Now() + patience;
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
    if (absl::Now() >= end) {
      return absl::UnavailableError(
          fmt::format("{}: {}", what, rd_kafka_error_string(error.get())));
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
  return IsFencing(code) ? Fence(what, text) : StepStatus(what, code, text);
}

absl::Status TransactionalProducer::Explain(absl::Status taken) {
  char text[512];
  if (taken.ok()) return taken;
  bool fenced = IsFencing(rd_kafka_fatal_error(producer_->client(), text, sizeof(text)));
  return fenced ? Fence("producing records", text) : taken;
}

absl::Status TransactionalProducer::Fence(std::string_view what, std::string_view text) {
  spent_ = fenced_ = true;
  return absl::UnavailableError(
      fmt::format("{}: the broker has closed {} to this producer ({}): its transaction took too "
                  "long, or another producer was made for it",
                  what, id_, text));
}

absl::Status TransactionalProducer::StepStatus(std::string_view what, int code,
                                               std::string_view text) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      return absl::FailedPreconditionError(fmt::format(
          "{}: the broker's transaction.max.timeout.ms is less than the {} ms of this client: set "
          "transaction.timeout.ms under `kafka` in forebay.yaml to at most what the broker allows, "
          "or raise it there",
          what, TimeoutMillis(producer_->client())));
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
      return absl::FailedPreconditionError(fmt::format(
          "{}: the broker has no transactions ({}): set delivery: at_least_once", what, text));
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return absl::FailedPreconditionError(
          fmt::format("{}: {}; grant this client WRITE on all topics whose names begin with the "
                      "project's",
                      what, text));
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return absl::FailedPreconditionError(
          fmt::format("{}: {}; grant this client WRITE and DESCRIBE on the transactional id {}",
                      what, text, id_));
    default:
      break;
  }
  absl::Status status = KafkaStatus(code, what, text);
  if (absl::IsAborted(status)) {
    return absl::AbortedError(fmt::format("{}: the consumer group has moved on ({})", what, text));
  }
  // When records failed, their error says more than that of the transaction.
  rd_kafka_poll(producer_->client(), 0);
  absl::Status failure = producer_->Failure();
  if (absl::IsFailedPrecondition(failure)) return failure;
  if (absl::IsFailedPrecondition(status)) return status;
  return absl::UnavailableError(std::string(status.message()));
}

}  // namespace forebay
