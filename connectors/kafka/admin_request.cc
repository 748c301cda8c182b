#include "connectors/kafka/admin_request.h"

#include "connectors/kafka/kafka_error.h"
#include "connectors/kafka/queue_handle.h"

namespace forebay {

AdminOptions MakeAdminOptions(rd_kafka_t* client, rd_kafka_admin_op_t operation,
                              absl::Duration timeout) {
  AdminOptions options(rd_kafka_AdminOptions_new(client, operation),
                       &rd_kafka_AdminOptions_destroy);
  char error[512];
  rd_kafka_AdminOptions_set_request_timeout(
      options.get(), static_cast<int>(absl::ToInt64Milliseconds(timeout)), error, sizeof(error));
  return options;
}

absl::StatusOr<EventHandle> AskCluster(
    rd_kafka_t* client, rd_kafka_admin_op_t operation, std::string_view context,
    absl::FunctionRef<void(const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)> send) {
  AdminOptions options = MakeAdminOptions(client, operation, kAdminPatience);
  QueueHandle queue(rd_kafka_queue_new(client));
  send(options.get(), queue.get());
  EventHandle event(rd_kafka_queue_poll(queue.get(), -1));
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return KafkaStatus(rd_kafka_event_error(event.get()), context,
                       rd_kafka_event_error_string(event.get()));
  }
  return event;
}

}  // namespace forebay
