// A Kafka producer: an idempotent one, or the base of a transactional one.
//
//   ASSIGN_OR_RETURN(auto producer, Producer::Create(config, {}, DeliveryReports::kAll, &cancel));
//   RETURN_IF_ERROR(producer->Produce({.topic = "shop.spend.v1", .partition = 3, .key = key,
//                                      .value = value, .headers = headers}));
//   RETURN_IF_ERROR(producer->Produce("shop.spend.v1", 3, updates, 0, most));
//   RETURN_IF_ERROR(producer->Flush());
//
// Thread-safe.
#ifndef FOREBAY_CONNECTORS_KAFKA_PRODUCER_H_
#define FOREBAY_CONNECTORS_KAFKA_PRODUCER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "connectors/kafka/client_config.h"
#include "connectors/update_record/encoded_updates.h"
#include "engine/batch/event_batch.h"

struct rd_kafka_message_s;
struct rd_kafka_topic_s;

namespace forebay {

class RetryLog;

using HeaderView = std::pair<std::string_view, std::string_view>;
std::vector<HeaderView> ViewsOf(const RecordHeaders& headers);

// A record to produce; nothing of it is kept.
struct OutgoingRecord {
  static constexpr int32_t kByKey = -1;

  std::string_view topic;
  int32_t partition = kByKey;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  absl::Span<const HeaderView> headers;
  std::optional<int64_t> timestamp;  // microseconds UTC; none: now
};

// Which records the broker's answer is waited for one by one.
enum class DeliveryReports {
  kAll,       // as Flush needs it
  kFailures,  // cheaper; for transactions, whose end waits for all records, see Release
};

class Producer {
 public:
  // `own`: further settings (transactional.id). `cancel` may be null and must outlive the producer.
  static absl::StatusOr<std::unique_ptr<Producer>> Create(
      const KafkaConfig& config, const std::map<std::string, std::string>& own,
      DeliveryReports reports, const std::atomic<bool>* cancel);
  ~Producer();

  // Queues the record; waits while the queue is full. CANCELLED; else why the producer does not
  // take records any more, see Failure().
  absl::Status Produce(const OutgoingRecord& record);

  // The same for updates[first] and all after it, in order, but for those with a larger payload
  // than `most`. Stops at an error. With DeliveryReports::kFailures their bytes are not copied:
  // `updates` are kept until Release, and must not change meanwhile but for further ones.
  absl::Status Produce(std::string_view topic, int32_t partition,
                       std::shared_ptr<const EncodedUpdates> updates, size_t first, size_t most);

  // Lets go of updates. REQUIRES: every record has been acknowledged, or has failed.
  void Release();

  // Waits until every record queued before the call is acknowledged or has failed, however long
  // brokers are away; others may queue more meanwhile. CANCELLED; else Failure(). One thread at a
  // time. REQUIRES: DeliveryReports::kAll.
  absl::Status Flush();

  // The first record that could not be delivered, or the error that made the producer unusable.
  // UNAVAILABLE: a new producer may succeed; FAILED_PRECONDITION: somebody has to do something.
  absl::Status Failure() const;
  // Forgets records that failed, after their transaction was aborted.
  void ClearFailure();

  rd_kafka_s* client() const { return client_.get(); }
  bool cancelled() const { return cancel_ != nullptr && cancel_->load(); }

 private:
  struct TopicDeleter {
    void operator()(rd_kafka_topic_s* topic) const;
  };

  Producer(DeliveryReports reports, const std::atomic<bool>* cancel)
      : reports_(reports), cancel_(cancel) {}

  // Whether the updates of others are sent as they lie there.
  bool borrows() const { return reports_ == DeliveryReports::kFailures; }
  // Where records queued now are counted; null: nowhere.
  std::atomic<int64_t>* outstanding() {
    return reports_ == DeliveryReports::kAll ? &outstanding_[flushes_.load() % 2] : nullptr;
  }
  void Keep(std::shared_ptr<const EncodedUpdates> updates);
  absl::StatusOr<rd_kafka_topic_s*> FindTopic(std::string_view name);
  absl::Status Enqueue(rd_kafka_topic_s* topic, const OutgoingRecord& record);
  absl::Status EnqueueAll(rd_kafka_topic_s* topic, int32_t partition,
                          absl::Span<rd_kafka_message_s> messages);
  // After an attempt that failed so: OK when another is worth it.
  absl::Status WaitForRoom(int error, std::string_view topic, RetryLog* log);

  static void OnDelivery(rd_kafka_s* client, const rd_kafka_message_s* message, void* self);

  const DeliveryReports reports_;
  const std::atomic<bool>* const cancel_;
  // Records without an acknowledgement, by the parity of the Flush that has to wait for them.
  std::atomic<int64_t> outstanding_[2] = {0, 0};
  std::atomic<uint32_t> flushes_ = 0;
  mutable absl::Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<const EncodedUpdates>> kept_ ABSL_GUARDED_BY(mutex_);
  ClientHandle client_;  // its callbacks use what is above
  std::map<std::string, std::unique_ptr<rd_kafka_topic_s, TopicDeleter>, std::less<>> topics_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_PRODUCER_H_
