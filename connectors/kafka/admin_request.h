// One request of librdkafka's admin interface, and its answer. For .cc files: brings in rdkafka.h.
#ifndef FOREBAY_CONNECTORS_KAFKA_ADMIN_REQUEST_H_
#define FOREBAY_CONNECTORS_KAFKA_ADMIN_REQUEST_H_

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace forebay {

struct EventDeleter {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
using EventHandle = std::unique_ptr<rd_kafka_event_t, EventDeleter>;

using AdminOptions =
    std::unique_ptr<rd_kafka_AdminOptions_t, decltype(&rd_kafka_AdminOptions_destroy)>;
AdminOptions MakeAdminOptions(rd_kafka_t* client, rd_kafka_admin_op_t operation,
                              absl::Duration timeout);

// How long a broker may take to answer; also of what is asked again while brokers settle.
inline constexpr absl::Duration kAdminPatience = absl::Seconds(10);

// Calls `send`, which hands over the request, and waits for the answer. The error of the request as
// a whole; those of its parts are in the event. `context` is for messages.
absl::StatusOr<EventHandle> AskCluster(
    rd_kafka_t* client, rd_kafka_admin_op_t operation, std::string_view context,
    absl::FunctionRef<void(const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* answer)> send);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_ADMIN_REQUEST_H_
