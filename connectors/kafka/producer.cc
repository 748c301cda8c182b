#include "connectors/kafka/producer.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <vector>

#include "connectors/kafka/headers_handle.h"
#include "connectors/kafka/kafka_error.h"
#include "connectors/kafka/retry_log.h"
#include "schemas/types/prefetch.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// How long a full queue is waited for before it is tried again. Without a report for each record
// nothing says that there is room.
constexpr int kPollMillis = 100;
constexpr int kBlindPollMillis = 2;

// So many records are handed over at once.
constexpr size_t kMostAtOnce = 256;

rd_kafka_vu_t Bytes(rd_kafka_vtype_t type, std::string_view bytes) {
  rd_kafka_vu_t argument{};
  argument.vtype = type;
  argument.u.mem.ptr = const_cast<char*>(bytes.data());
  argument.u.mem.size = bytes.size();
  return argument;
}

// One attempt. On success librdkafka owns the headers.
rd_kafka_resp_err_t TryEnqueue(rd_kafka_t* client, rd_kafka_topic_t* topic,
                               const OutgoingRecord& record, HeadersHandle& headers, void* opaque) {
  std::array<rd_kafka_vu_t, 8> arguments;
  size_t count = 0;
  auto next = [&](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
    arguments[count].vtype = type;
    return arguments[count++];
  };
  next(RD_KAFKA_VTYPE_RKT).u.rkt = topic;
  next(RD_KAFKA_VTYPE_PARTITION).u.i32 = record.partition;
  next(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
  next(RD_KAFKA_VTYPE_OPAQUE).u.ptr = opaque;
  if (record.key) arguments[count++] = Bytes(RD_KAFKA_VTYPE_KEY, *record.key);
  if (record.value) arguments[count++] = Bytes(RD_KAFKA_VTYPE_VALUE, *record.value);
  if (record.timestamp) {
    next(RD_KAFKA_VTYPE_TIMESTAMP).u.i64 = std::max<int64_t>(*record.timestamp / 1000, 0);
  }
  if (headers != nullptr) next(RD_KAFKA_VTYPE_HEADERS).u.headers = headers.get();
  rd_kafka_error_t* error = rd_kafka_produceva(client, arguments.data(), count);
  if (error == nullptr) {
    (void)headers.release();
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  rd_kafka_error_destroy(error);
  return code;
}

rd_kafka_message_t MessageOf(const EncodedUpdate& update) {
  rd_kafka_message_t message{};
  message.key = const_cast<char*>(update.key.data());
  message.key_len = update.key.size();
  if (update.value) {
    message.payload = const_cast<char*>(update.value->data());
    message.len = update.value->size();
  }
  return message;
}

// What to do about a record that the broker or librdkafka refuses.
absl::Status DeliveryStatus(int code, std::string_view topic) {
  std::string context = fmt::format("producing to topic {}", topic);
  absl::Status status = KafkaStatus(code, context);
  switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return absl::FailedPreconditionError(fmt::format(
          "{}; raise max.message.bytes of the topic, and message.max.bytes under `kafka` "
          "in forebay.yaml",
          std::string(status.message())));
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return absl::FailedPreconditionError(
          fmt::format("{}; grant this client WRITE on it", std::string(status.message())));
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return absl::FailedPreconditionError(
          fmt::format("{}; was it deleted? Start the worker again: it says what to do",
                      std::string(status.message())));
    default:
      if (absl::IsFailedPrecondition(status)) return status;
      return absl::UnavailableError(std::string(status.message()));
  }
}

}  // namespace

std::vector<HeaderView> ViewsOf(const RecordHeaders& headers) {
  return {headers.begin(), headers.end()};
}

absl::StatusOr<std::unique_ptr<Producer>> Producer::Create(
    const KafkaConfig& config, const std::map<std::string, std::string>& own,
    DeliveryReports reports, const std::atomic<bool>* cancel) {
  std::unique_ptr<Producer> producer(new Producer(reports, cancel));
  std::map<std::string, std::string> settings = own;
  settings["delivery.report.only.error"] = reports == DeliveryReports::kFailures ? "true" : "false";
  ASSIGN_OR_RETURN(ConfHandle conf, NewConf(config, ClientRole::kProducer, settings));
  rd_kafka_conf_set_opaque(conf.get(), producer.get());
  rd_kafka_conf_set_dr_msg_cb(conf.get(), OnDelivery);
  ASSIGN_OR_RETURN(producer->client_, NewClient(std::move(conf), ClientRole::kProducer));
  return producer;
}

Producer::~Producer() = default;

void Producer::TopicDeleter::operator()(rd_kafka_topic_s* topic) const {
  rd_kafka_topic_destroy(topic);
}

void Producer::OnDelivery(rd_kafka_s* client, const rd_kafka_message_s* message, void* self) {
  if (message->_private != nullptr) {
    static_cast<std::atomic<int64_t>*>(message->_private)->fetch_sub(1);
  }
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  auto* producer = static_cast<Producer*>(self);
  absl::MutexLock lock(&producer->mutex_);
  if (!producer->failure_.ok()) return;
  producer->failure_ = DeliveryStatus(message->err, rd_kafka_topic_name(message->rkt));
}

absl::StatusOr<rd_kafka_topic_s*> Producer::FindTopic(std::string_view name) {
  absl::MutexLock lock(&mutex_);
  auto found = topics_.find(name);
  if (found != topics_.end()) return found->second.get();
  std::string text(name);
  rd_kafka_topic_t* topic = rd_kafka_topic_new(client_.get(), text.c_str(), nullptr);
  if (topic == nullptr) return DeliveryStatus(rd_kafka_last_error(), name);
  topics_[text].reset(topic);
  return topic;
}

absl::Status Producer::Produce(const OutgoingRecord& record) {
  ASSIGN_OR_RETURN(rd_kafka_topic_t * topic, FindTopic(record.topic));
  return Enqueue(topic, record);
}

absl::Status Producer::Produce(std::string_view topic, int32_t partition,
                               std::shared_ptr<const EncodedUpdates> updates, size_t first,
                               size_t most) {
  ASSIGN_OR_RETURN(rd_kafka_topic_t * handle, FindTopic(topic));
  if (borrows()) Keep(updates);
  std::vector<rd_kafka_message_t> batch;
  batch.reserve(kMostAtOnce);
  for (size_t i = first; i < updates->size(); ++i) {
    EncodedUpdate update = (*updates)[i];
    if (update.payload() > most) continue;
    Prefetch(update.key.data());  // copied with the batch: another thread wrote it
    if (!update.has_headers) batch.push_back(MessageOf(update));
    if (!update.has_headers && batch.size() < kMostAtOnce) continue;
    RETURN_IF_ERROR(EnqueueAll(handle, partition, absl::MakeSpan(batch)));
    batch.clear();
    if (!update.has_headers) continue;
    // librdkafka takes no headers with many records at once.
    RETURN_IF_ERROR(Enqueue(handle, {.topic = topic,
                                     .partition = partition,
                                     .key = update.key,
                                     .value = update.value,
                                     .headers = update.headers()}));
  }
  return EnqueueAll(handle, partition, absl::MakeSpan(batch));
}

void Producer::Keep(std::shared_ptr<const EncodedUpdates> updates) {
  absl::MutexLock lock(&mutex_);
  kept_.push_back(std::move(updates));
}

void Producer::Release() {
  absl::MutexLock lock(&mutex_);
  kept_.clear();
}

absl::Status Producer::EnqueueAll(rd_kafka_topic_s* topic, int32_t partition,
                                  absl::Span<rd_kafka_message_s> messages) {
  std::atomic<int64_t>* count = outstanding();
  for (rd_kafka_message_t& message : messages) message._private = count;
  RetryLog log;
  while (!messages.empty()) {
    if (count != nullptr) count->fetch_add(static_cast<int64_t>(messages.size()));
    int taken = rd_kafka_produce_batch(topic, partition, borrows() ? 0 : RD_KAFKA_MSG_F_COPY,
                                       messages.data(), static_cast<int>(messages.size()));
    if (count != nullptr) count->fetch_sub(static_cast<int64_t>(messages.size()) - taken);
    // Those behind one that finds the queue full are not taken, either.
    auto refused = std::find_if(messages.begin(), messages.end(), [](const auto& message) {
      return message.err != RD_KAFKA_RESP_ERR_NO_ERROR;
    });
    if (refused == messages.end()) return absl::OkStatus();
    RETURN_IF_ERROR(WaitForRoom(refused->err, rd_kafka_topic_name(topic), &log));
    messages.remove_prefix(refused - messages.begin());
  }
  return absl::OkStatus();
}

absl::Status Producer::Enqueue(rd_kafka_topic_s* topic, const OutgoingRecord& record) {
  HeadersHandle headers = CopyHeaders(record.headers);
  std::atomic<int64_t>* count = outstanding();
  RetryLog log;
  while (true) {
    if (count != nullptr) count->fetch_add(1);
    rd_kafka_resp_err_t error = TryEnqueue(client_.get(), topic, record, headers, count);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
    if (count != nullptr) count->fetch_sub(1);
    RETURN_IF_ERROR(WaitForRoom(error, record.topic, &log));
  }
}

absl::Status Producer::WaitForRoom(int error, std::string_view topic, RetryLog* log) {
  if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
    RETURN_IF_ERROR(Failure());
    return DeliveryStatus(error, topic);
  }
  if (cancelled())
    return absl::CancelledError(fmt::format("stopped while producing to topic {}", topic));
  if (rd_kafka_poll(client_.get(), borrows() ? kBlindPollMillis : kPollMillis) == 0) {
    log->SayLater("topic {}: the broker takes nothing, {} records wait", topic,
                  rd_kafka_outq_len(client_.get()));
  }
  return absl::OkStatus();
}

absl::Status Producer::Flush() {
  // Records of other threads must not keep this one waiting, as they would with rd_kafka_flush.
  std::atomic<int64_t>& outstanding = outstanding_[flushes_.fetch_add(1) % 2];
  RetryLog log;
  while (outstanding.load() > 0) {
    rd_kafka_poll(client_.get(), 20);
    RETURN_IF_ERROR(Failure());
    if (cancelled()) return absl::CancelledError("stopped while records waited for the broker");
    log.SayLater("{} records wait for the broker to acknowledge them, retrying",
                 outstanding.load());
  }
  return Failure();
}

void Producer::ClearFailure() {
  absl::MutexLock lock(&mutex_);
  failure_ = absl::OkStatus();
}

absl::Status Producer::Failure() const {
  char text[512];
  rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(client_.get(), text, sizeof(text));
  absl::MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  if (fatal != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return absl::UnavailableError(fmt::format("the producer failed: {}", text));
  }
  return absl::OkStatus();
}

}  // namespace forebay
