#include "connectors/kafka/control_record.h"

#include <librdkafka/rdkafka.h>

namespace forebay {

std::optional<std::string_view> FindHeader(const RawRecord& record, const char* name) {
  rd_kafka_headers_t* headers = nullptr;
  if (record.native != nullptr) {
    rd_kafka_message_headers(static_cast<const rd_kafka_message_t*>(record.native), &headers);
  }
  const void* value = nullptr;
  size_t size = 0;
  if (headers == nullptr ||
      rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::nullopt;
  }
  return std::string_view(static_cast<const char*>(value), size);
}

RecordHeaders ErasureHeaders(std::string_view entity) {
  return {{kControlHeader, kEraseControl}, {kEntityHeader, std::string(entity)}};
}

}  // namespace forebay
