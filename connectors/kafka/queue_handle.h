// A queue of librdkafka's, owned. For .cc files: brings in rdkafka.h.
#ifndef FOREBAY_CONNECTORS_KAFKA_QUEUE_HANDLE_H_
#define FOREBAY_CONNECTORS_KAFKA_QUEUE_HANDLE_H_

#include <librdkafka/rdkafka.h>

#include <memory>

namespace forebay {

struct QueueDeleter {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
using QueueHandle = std::unique_ptr<rd_kafka_queue_t, QueueDeleter>;

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_QUEUE_HANDLE_H_
