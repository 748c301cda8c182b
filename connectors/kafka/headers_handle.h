// Headers of a record to be produced, as librdkafka has them.
#ifndef FOREBAY_CONNECTORS_KAFKA_HEADERS_HANDLE_H_
#define FOREBAY_CONNECTORS_KAFKA_HEADERS_HANDLE_H_

#include <librdkafka/rdkafka.h>

#include <memory>

#include "absl/types/span.h"
#include "connectors/kafka/producer.h"

namespace forebay {

struct HeadersDeleter {
  void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
};
using HeadersHandle = std::unique_ptr<rd_kafka_headers_t, HeadersDeleter>;

// Null where there are none.
inline HeadersHandle CopyHeaders(absl::Span<const HeaderView> headers) {
  if (headers.empty()) return nullptr;
  HeadersHandle copy(rd_kafka_headers_new(headers.size()));
  for (const auto& [name, value] : headers) {
    rd_kafka_header_add(copy.get(), name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  return copy;
}

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_HEADERS_HANDLE_H_
