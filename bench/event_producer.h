// A producer of events, as a service upstream of forebay would run one: idempotent, lz4,
// partitioned as the Java client does.
//
//   ASSIGN_OR_RETURN(auto producer, EventProducer::Create(brokers, {{"linger.ms", "50"}}));
//   RETURN_IF_ERROR(producer->Send("transactions", key, value, milliseconds));
//   RETURN_IF_ERROR(producer->Flush());
//
// Send is thread-safe; the rest is not.
#ifndef FOREBAY_BENCH_EVENT_PRODUCER_H_
#define FOREBAY_BENCH_EVENT_PRODUCER_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct rd_kafka_s;

namespace forebay {

class EventProducer {
 public:
  // `properties`: of librdkafka.
  static absl::StatusOr<std::unique_ptr<EventProducer>> Create(
      const std::string& brokers, const std::map<std::string, std::string>& properties);
  ~EventProducer();

  // Copies key and value. Waits while too much is on its way.
  absl::Status Send(const std::string& topic, std::string_view key, std::string_view value,
                    int64_t timestamp_ms);

  // Waits until the broker has everything. UNAVAILABLE: it does not.
  absl::Status Flush();

 private:
  EventProducer() = default;

  std::atomic<int64_t> undelivered_{0};
  rd_kafka_s* producer_ = nullptr;
};

}  // namespace forebay

#endif  // FOREBAY_BENCH_EVENT_PRODUCER_H_
