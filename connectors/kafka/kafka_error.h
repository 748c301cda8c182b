// librdkafka's errors as statuses.
#ifndef FOREBAY_CONNECTORS_KAFKA_KAFKA_ERROR_H_
#define FOREBAY_CONNECTORS_KAFKA_KAFKA_ERROR_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

struct rd_kafka_s;

namespace forebay {

// `code` is an rd_kafka_resp_err_t. UNAVAILABLE: brokers away or busy, try again. NOT_FOUND: no
// such topic or partition. ABORTED: the consumer group has moved on. FAILED_PRECONDITION: not
// authorized, or refused for good. INTERNAL: the rest. The message is "<context>: <librdkafka's text>".
absl::Status KafkaStatus(int code, std::string_view context, std::string_view detail = {});

// The error that has made `client` unusable; OK if there is none.
absl::Status FatalStatus(rd_kafka_s* client, std::string_view context);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_KAFKA_ERROR_H_
