#include "connectors/kafka/erasure_request.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/control_record.h"
#include "connectors/kafka/headers_handle.h"
#include "connectors/kafka/kafka_error.h"
#include "engine/task/task_plan.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// One that is on its way; its delivery report finds it.
struct PendingErasure {
  SentErasure sent;
  bool acknowledged = false;
  int error = RD_KAFKA_RESP_ERR_NO_ERROR;
};

void OnErasureDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  auto* pending = static_cast<PendingErasure*>(message->_private);
  pending->acknowledged = true;
  pending->error = message->err;
  pending->sent.offset = Offset(message->offset);
}

absl::Status SendStatus(int code, const TaskId& partition) {
  absl::Status status =
      KafkaStatus(code, fmt::format("sending the erasure to {}", partition.ToString()));
  if (code != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED &&
      code != RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
    return status;
  return absl::FailedPreconditionError(
      fmt::format("{}; grant this client WRITE on topic {}: every partition of the topics that "
                  "feed features of the key gets a control record",
                  std::string(status.message()), partition.topic));
}

absl::Status ProduceErasure(rd_kafka_t* client, std::string_view entity, std::string_view key,
                            PendingErasure* pending) {
  const TaskId& partition = pending->sent.partition;
  RecordHeaders given = ErasureHeaders(entity);
  HeadersHandle headers = CopyHeaders(ViewsOf(given));
  rd_kafka_resp_err_t error = rd_kafka_producev(
      client, RD_KAFKA_V_TOPIC(partition.topic.c_str()),
      RD_KAFKA_V_PARTITION(partition.partition.value()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_KEY(key.data(), key.size()), RD_KAFKA_V_HEADERS(headers.get()),
      RD_KAFKA_V_OPAQUE(pending), RD_KAFKA_V_END);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return SendStatus(error, partition);
  (void)headers.release();  // librdkafka has them
  return absl::OkStatus();
}

// OK: all are acknowledged.
absl::Status WaitForAll(rd_kafka_t* client, const std::vector<std::unique_ptr<PendingErasure>>& all,
                        const SendErasureOptions& options) {
  absl::Time deadline = absl::Now() + options.patience;
  while (true) {
    rd_kafka_poll(client, 20);
    const PendingErasure* waiting = nullptr;
    for (const auto& pending : all) {
      if (pending->error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return SendStatus(pending->error, pending->sent.partition);
      if (!pending->acknowledged && waiting == nullptr) waiting = pending.get();
    }
    if (waiting == nullptr) return absl::OkStatus();
    RETURN_IF_ERROR(FatalStatus(client, "sending the erasure"));
    if (options.cancel != nullptr && options.cancel->load())
      return absl::CancelledError("stopped while the erasure was being sent");
    if (absl::Now() >= deadline) {
      return absl::UnavailableError(fmt::format(
          "{}: no broker has acknowledged the erasure for {}: is one running? Try again",
          waiting->sent.partition.ToString(), absl::FormatDuration(options.patience)));
    }
  }
}

}  // namespace

std::vector<std::string> ErasureTopics(absl::Span<const TaskPlan> plans, std::string_view entity) {
  std::vector<std::string> topics;
  for (const TaskPlan& plan : plans) {
    if (plan.repartition) continue;
    auto is_of_entity = [&](const auto& part) { return part.entity->name() == entity; };
    bool feeds = std::any_of(plan.views.begin(), plan.views.end(), is_of_entity) ||
                 std::any_of(plan.forwards.begin(), plan.forwards.end(), is_of_entity);
    if (feeds) topics.push_back(plan.topic);
  }
  return topics;
}

absl::StatusOr<std::vector<SentErasure>> SendErasure(const KafkaConfig& config,
                                                     const std::vector<std::string>& topics,
                                                     std::string_view entity, std::string_view key,
                                                     const SendErasureOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<KafkaAdmin> admin, KafkaAdmin::Create(config));
  RETURN_IF_ERROR(admin->WaitForBroker(options.patience, options.cancel));
  std::vector<std::unique_ptr<PendingErasure>> all;
  for (const std::string& topic : topics) {
    ASSIGN_OR_RETURN(int32_t partitions, admin->PartitionCount(topic));
    for (int32_t partition = 0; partition < partitions; ++partition) {
      all.push_back(std::make_unique<PendingErasure>());
      all.back()->sent = {{topic, PartitionId(partition)}, Offset(-1)};
    }
  }
  ASSIGN_OR_RETURN(ConfHandle conf, NewConf(config, ClientRole::kProducer, {{"acks", "all"}}));
  rd_kafka_conf_set_dr_msg_cb(conf.get(), OnErasureDelivery);
  // It goes first: what it still has is purged, and reported to `all`.
  ASSIGN_OR_RETURN(ClientHandle client, NewClient(std::move(conf), ClientRole::kProducer));
  for (const auto& pending : all)
    RETURN_IF_ERROR(ProduceErasure(client.get(), entity, key, pending.get()));
  RETURN_IF_ERROR(WaitForAll(client.get(), all, options));
  std::vector<SentErasure> sent;
  sent.reserve(all.size());
  for (const auto& pending : all) sent.push_back(pending->sent);
  return sent;
}

}  // namespace forebay
