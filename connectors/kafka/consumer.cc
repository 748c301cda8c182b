#include "connectors/kafka/consumer.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <set>

#include "connectors/kafka/kafka_error.h"
#include "connectors/kafka/partition_list.h"
#include "connectors/kafka/queue_handle.h"
#include "engine/batch/sink.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// How soon a wait sees that it is cancelled.
constexpr absl::Duration kCancelInterval = absl::Milliseconds(100);

// For how long, beside what the tasks take, a worker tries to leave its group.
constexpr int kLeavePolls = 100;
constexpr int kLeavePollMillis = 50;
// Before the group is joined once more after something that passes.
constexpr absl::Duration kJoinPause = absl::Seconds(1);
// librdkafka wants one of every consumer; nobody joins it, and nothing is committed in it.
constexpr char kNoGroup[] = "forebay-none";

constexpr std::string_view kDeleted =
    "To do without it, take its source out of the definitions. Else create it again (forebay does "
    "so with its own), remove what the project left of the old one with `forebay reset --all`, and "
    "start again";

// Messages, and the client that their bytes belong to.
class MessageBatch {
 public:
  explicit MessageBatch(ClientHandle client) : client_(std::move(client)) {}
  MessageBatch(const MessageBatch&) = delete;
  MessageBatch& operator=(const MessageBatch&) = delete;
  ~MessageBatch() {
    for (rd_kafka_message_t* message : messages_) rd_kafka_message_destroy(message);
  }

  // Appends what `queue` has, waiting up to `timeout_ms` for the first message. Returns how many.
  size_t Consume(rd_kafka_queue_t* queue, size_t max_messages, int timeout_ms) {
    // consume_batch_queue waits until its array is full, so it is only asked for what is there.
    size_t count = ConsumeAvailable(queue, max_messages);
    if (!messages_.empty() || timeout_ms <= 0) return count;
    rd_kafka_message_t* first = rd_kafka_consume_queue(queue, timeout_ms);
    if (first == nullptr) return 0;
    messages_.push_back(first);
    return max_messages > 1 ? 1 + ConsumeAvailable(queue, max_messages - 1) : 1;
  }

  const std::vector<rd_kafka_message_t*>& messages() const { return messages_; }

 private:
  size_t ConsumeAvailable(rd_kafka_queue_t* queue, size_t max_messages) {
    size_t before = messages_.size();
    messages_.resize(before + max_messages);
    ssize_t count = rd_kafka_consume_batch_queue(queue, 0, messages_.data() + before, max_messages);
    messages_.resize(before + std::max<ssize_t>(count, 0));
    return messages_.size() - before;
  }

  const ClientHandle client_;
  std::vector<rd_kafka_message_t*> messages_;
};

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(duration), 0, 3'600'000));
}

// Kafka's milliseconds as microseconds; -1 (no timestamp: a producer from before 2016) as 0.
int64_t TimestampMicros(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t type;
  int64_t millis = rd_kafka_message_timestamp(&message, &type);
  if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) return 0;
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / 1000;
  return std::clamp(millis, -kMost, kMost) * 1000;
}

// From now on the queue calls `wake`, which it keeps a pointer to, whenever it is empty no more;
// null ends that, and waits for a call that is under way.
void SetWake(rd_kafka_queue_t* queue, const std::function<void()>* wake) {
  if (wake == nullptr) return rd_kafka_queue_cb_event_enable(queue, nullptr, nullptr);
  rd_kafka_queue_cb_event_enable(
      queue, [](rd_kafka_t*, void* of) { (*static_cast<const std::function<void()>*>(of))(); },
      const_cast<std::function<void()>*>(wake));
}

}  // namespace

RawRecord RawRecordOf(const rd_kafka_message_t& message) {
  RawRecord record{
      .offset = Offset(message.offset), .timestamp = TimestampMicros(message), .native = &message};
  if (message.key != nullptr) {
    record.key = std::string_view(static_cast<const char*>(message.key), message.key_len);
  }
  if (message.payload != nullptr) {
    record.value = std::string_view(static_cast<const char*>(message.payload), message.len);
  }
  return record;
}

RecordHeaders HeadersOf(const RawRecord& record) {
  RecordHeaders result;
  const auto* message = static_cast<const rd_kafka_message_t*>(record.native);
  rd_kafka_headers_t* headers = nullptr;
  if (message == nullptr ||
      rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return result;
  }
  const char* name;
  const void* value;
  size_t size;
  for (size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    result.emplace_back(name, value == nullptr
                                  ? std::string()
                                  : std::string(static_cast<const char*>(value), size));
  }
  return result;
}

struct KafkaConsumer::Partition {
  ClientHandle client;  // that the queue belongs to
  QueueHandle queue;
  bool at_end = false;  // fetching thread only
  RetryLog log;         // likewise
};

absl::StatusOr<std::unique_ptr<KafkaConsumer>> KafkaConsumer::Create(Options options) {
  std::unique_ptr<KafkaConsumer> consumer(new KafkaConsumer(std::move(options)));
  RETURN_IF_ERROR(consumer->Connect());
  return consumer;
}

absl::Status KafkaConsumer::Connect() {
  int64_t partitions = 0;
  for (const SubscribedTopic& topic : topics_) partitions += topic.partitions;
  KafkaConfig kafka = options_.kafka;
  kafka.properties.merge(FetchAhead(options_.records_ahead, partitions));
  Properties properties = {{"group.id", kNoGroup}};
  if (!options_.group.empty())
    properties = {{"group.id", options_.group}, {"group.instance.id", options_.worker_id}};
  ASSIGN_OR_RETURN(ConfHandle conf, NewConf(kafka, ClientRole::kConsumer, properties));
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_rebalance_cb(
      conf.get(),
      [](rd_kafka_t* client, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions,
         void* self) { OnRebalance(client, error, partitions, self); });
  ASSIGN_OR_RETURN(ClientHandle client, NewClient(std::move(conf), ClientRole::kConsumer));
  rd_kafka_poll_set_consumer(client.get());
  {
    absl::MutexLock lock(&mutex_);
    client_.swap(client);
  }
  return options_.group.empty() ? absl::OkStatus() : Subscribe();
}

ClientHandle KafkaConsumer::client() const {
  absl::MutexLock lock(&mutex_);
  return client_;
}

absl::Status KafkaConsumer::Subscribe() {
  PartitionList topics = NewPartitionList();
  for (const SubscribedTopic& topic : topics_) {
    rd_kafka_topic_partition_list_add(topics.get(), topic.name.c_str(), RD_KAFKA_PARTITION_UA);
  }
  return KafkaStatus(rd_kafka_subscribe(client().get(), topics.get()),
                     "subscribing to the topics of the project");
}

KafkaConsumer::~KafkaConsumer() {
  quiet_ = true;
  Close();
}

void KafkaConsumer::Close() {
  if (closed_ || client() == nullptr) return;
  closed_ = true;
  if (!Health().ok()) LosePlace();
  if (options_.group.empty()) {
    if (!quiet_) RevokeAll();
  } else if (!quiet_ && !lost_place_) {
    Leave();
  }
  rd_kafka_consumer_close(client().get());
  CloseQueues();
}

bool KafkaConsumer::IsMember() const {
  ClientHandle client = this->client();
  char* id = rd_kafka_memberid(client.get());
  bool is_member = id != nullptr && *id != '\0';
  if (id != nullptr) rd_kafka_mem_free(client.get(), id);
  return is_member;
}

// A client that closes does not leave, if it is a static member; one that unsubscribes does.
void KafkaConsumer::Leave() {
  leaving_ = true;
  ClientHandle client = this->client();
  if (rd_kafka_unsubscribe(client.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  for (int i = 0; i < kLeavePolls && IsMember(); ++i) {
    std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)> message(
        rd_kafka_consumer_poll(client.get(), kLeavePollMillis), &rd_kafka_message_destroy);
  }
}

// A client that is fenced calls nobody back any more.
void KafkaConsumer::LosePlace() {
  has_assignment_ = false;
  std::vector<TaskId> tasks;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [task, partition] : partitions_) tasks.push_back(task);
  }
  if (!quiet_ && options_.owner.revoked && !tasks.empty())
    options_.owner.revoked(tasks, /*lost=*/true);
  CloseQueues();
  lost_place_ = true;
}

absl::Status KafkaConsumer::TakePlaceAgain(absl::Duration timeout) {
  if (absl::Duration left = take_place_ - absl::Now(); left > absl::ZeroDuration()) {
    absl::SleepFor(std::min(left, timeout));
    return absl::OkStatus();
  }
  take_place_ = absl::Now() + kJoinPause;
  absl::Status place = CheckPlace();
  if (absl::IsUnavailable(place)) {
    log_.Say("{}, retrying", std::string(place.message()));
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(place);
  rd_kafka_consumer_close(client().get());
  RETURN_IF_ERROR(Connect());
  lost_place_ = false;
  join_again_ = absl::InfiniteFuture();
  if (earlier_life_ != EarlierLife::kOver) earlier_life_ = EarlierLife::kUnknown;
  return absl::OkStatus();
}

absl::Status KafkaConsumer::CheckPlace() const {
  if (options_.claim != nullptr) return options_.claim->Check();
  return absl::FailedPreconditionError(
      fmt::format("worker {} lost its place in group {} to another: give each its own worker_id",
                  options_.worker_id, options_.group));
}

void KafkaConsumer::OnRebalance(rd_kafka_s* client, int error,
                                rd_kafka_topic_partition_list_s* partitions, void* self) {
  auto* consumer = static_cast<KafkaConsumer*>(self);
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    consumer->Assign(partitions);
    return;
  }
  if (error == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
    consumer->Revoke(partitions);
    return;
  }
  spdlog::warn("kafka: rebalance: {}", rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(error)));
  rd_kafka_assign(client, nullptr);
}

bool KafkaConsumer::IsForOtherTopics(const rd_kafka_topic_partition_list_s& partitions) const {
  std::set<std::string> given, wanted;
  for (const TaskId& task : TasksOf(partitions)) given.insert(task.topic);
  for (const SubscribedTopic& topic : topics_) wanted.insert(topic.name);
  return given != wanted;
}

// An empty list ends the rebalance; none would leave the client in it.
void KafkaConsumer::TakeNothing() { rd_kafka_assign(client().get(), NewPartitionList().get()); }

void KafkaConsumer::JoinAgain() { join_again_ = std::min(join_again_, absl::Now() + kJoinPause); }

void KafkaConsumer::Assign(rd_kafka_topic_partition_list_s* partitions) {
  // A static member that comes back within its session gets what it had in its last life, whatever
  // it subscribes to now (KIP-345): it leaves, and joins as one that the group does not know.
  if (earlier_life_ == EarlierLife::kUnknown) {
    bool other = options_.known_to_group && IsForOtherTopics(*partitions);
    earlier_life_ = other ? EarlierLife::kToLeave : EarlierLife::kOver;
  }
  if (earlier_life_ != EarlierLife::kOver || leaving_) return TakeNothing();
  LeaveWhatIsApart(partitions);
  Begin(partitions);
}

void KafkaConsumer::LeaveWhatIsApart(rd_kafka_topic_partition_list_s* partitions) const {
  const std::vector<TaskId> tasks = TasksOf(*partitions);
  for (const TaskId& task : tasks) {
    auto topic = std::find_if(topics_.begin(), topics_.end(),
                              [&](const auto& one) { return one.name == task.topic; });
    if (topic == topics_.end() || topic->beside.empty()) continue;
    if (std::find(tasks.begin(), tasks.end(), TaskId{topic->beside, task.partition}) != tasks.end())
      continue;
    rd_kafka_topic_partition_list_del(partitions, task.topic.c_str(), task.partition.value());
  }
}

void KafkaConsumer::Begin(rd_kafka_topic_partition_list_s* partitions) {
  absl::Status taken = TakePartitions(partitions);
  if (IsTransient(taken) && !options_.group.empty()) {
    log_.Say("taking partitions: {}, trying again", std::string(taken.message()));
    JoinAgain();
  } else {
    rebalance_status_ = taken;
  }
  if (!taken.ok()) return TakeNothing();
  rd_kafka_resp_err_t error = rd_kafka_assign(client().get(), partitions);
  if (Health().ok()) rebalance_status_ = KafkaStatus(error, "taking partitions");
  log_.Done("partitions are taken");
  has_assignment_ = true;
}

absl::Status KafkaConsumer::TakePartitions(rd_kafka_topic_partition_list_s* partitions) {
  std::vector<TaskId> tasks = TasksOf(*partitions);
  for (const TaskId& task : tasks) {
    auto topic = std::find_if(topics_.begin(), topics_.end(),
                              [&](const auto& t) { return t.name == task.topic; });
    if (topic == topics_.end()) continue;
    RETURN_IF_ERROR(CheckSameTopic(topic->name, topic->role, {"", topic->partitions},
                                   {"", std::max(topic->partitions, task.partition.value() + 1)},
                                   "this worker"));
  }
  OpenQueues(tasks);  // before the caller hears of the tasks: it may fetch at once
  absl::StatusOr<std::vector<std::optional<Offset>>> positions = options_.owner.assigned(tasks);
  if (positions.ok() && positions->size() != tasks.size()) {
    positions = absl::InternalError(
        fmt::format("{} positions for {} assigned tasks", positions->size(), tasks.size()));
  }
  if (!positions.ok()) {
    CloseQueues();
    return positions.status();
  }
  for (size_t i = 0; i < tasks.size(); ++i) {
    const std::optional<Offset>& position = (*positions)[i];
    partitions->elems[i].offset =
        position.has_value() ? position->value() + 1 : int64_t{RD_KAFKA_OFFSET_BEGINNING};
  }
  return absl::OkStatus();
}

void KafkaConsumer::OpenQueues(const std::vector<TaskId>& tasks) {
  CloseQueues();
  absl::MutexLock lock(&mutex_);
  for (const TaskId& task : tasks) {
    auto partition = std::make_shared<Partition>();
    partition->client = client_;
    partition->queue.reset(
        rd_kafka_queue_get_partition(client_.get(), task.topic.c_str(), task.partition.value()));
    // Before the partition is assigned: so that no message of it reaches the consumer's own queue.
    rd_kafka_queue_forward(partition->queue.get(), nullptr);
    auto watch = watches_.find(task);
    if (watch != watches_.end()) {
      SetWake(partition->queue.get(), &watch->second);
      watch->second();
    }
    partitions_[task] = std::move(partition);
  }
}

void KafkaConsumer::CloseQueues() {
  absl::MutexLock lock(&mutex_);
  for (const auto& [task, partition] : partitions_) SetWake(partition->queue.get(), nullptr);
  partitions_.clear();
  for (const auto& [task, wake] : watches_) wake();
}

void KafkaConsumer::Watch(const TaskId& task, std::function<void()> wake) {
  absl::MutexLock lock(&mutex_);
  auto partition = partitions_.find(task);
  if (partition != partitions_.end()) SetWake(partition->second->queue.get(), nullptr);
  watches_.erase(task);
  if (wake == nullptr) return;
  const auto& watch = watches_.emplace(task, std::move(wake)).first->second;
  if (partition != partitions_.end()) SetWake(partition->second->queue.get(), &watch);
  watch();  // for what is there already
}

void KafkaConsumer::Revoke(rd_kafka_topic_partition_list_s* partitions) {
  std::vector<TaskId> tasks = TasksOf(*partitions);
  if (!quiet_ && options_.owner.revoked && !tasks.empty()) {
    options_.owner.revoked(tasks, rd_kafka_assignment_lost(client().get()) != 0);
  }
  CloseQueues();  // eager: all are revoked
  has_assignment_ = false;
  join_again_ = absl::InfiniteFuture();  // that is what happens
  rd_kafka_assign(client().get(), nullptr);
}

void KafkaConsumer::RevokeAll() {
  PartitionList held = NewPartitionList();
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [task, partition] : partitions_) Add(held.get(), task);
  }
  if (held->cnt > 0) Revoke(held.get());
}

absl::Status KafkaConsumer::Renew(std::vector<SubscribedTopic> topics) {
  auto name = [](const SubscribedTopic& topic) { return topic.name; };
  std::set<std::string> before, after;
  std::ranges::transform(topics_, std::inserter(before, before.end()), name);
  std::ranges::transform(topics, std::inserter(after, after.end()), name);
  std::vector<SubscribedTopic> known = std::exchange(topics_, std::move(topics));
  // Whoever joins next joins for these.
  if (lost_place_ || earlier_life_ == EarlierLife::kToLeave ||
      earlier_life_ == EarlierLife::kLeaving)
    return absl::OkStatus();
  std::vector<TaskId> tasks;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [task, partition] : partitions_) tasks.push_back(task);
  }
  std::sort(tasks.begin(), tasks.end());
  if (before == after) {
    // Whoever has no assignment now is about to get one.
    return has_assignment_ ? Take(tasks) : absl::OkStatus();
  }
  absl::Status subscribed = Subscribe();
  if (!subscribed.ok()) topics_ = std::move(known);
  return subscribed;
}

absl::Status KafkaConsumer::Take(const std::vector<TaskId>& tasks) {
  RevokeAll();
  PartitionList partitions = NewPartitionList();
  for (const TaskId& task : tasks) Add(partitions.get(), task);
  Begin(partitions.get());
  return std::exchange(rebalance_status_, absl::OkStatus());
}

absl::Status KafkaConsumer::LeaveEarlierLife() {
  if (earlier_life_ == EarlierLife::kToLeave) {
    earlier_life_ = EarlierLife::kLeaving;
    return KafkaStatus(rd_kafka_unsubscribe(client().get()), "leaving the consumer group");
  }
  if (earlier_life_ != EarlierLife::kLeaving || IsMember()) return absl::OkStatus();
  earlier_life_ = EarlierLife::kOver;
  return Subscribe();
}

absl::Status KafkaConsumer::Poll(absl::Duration timeout) {
  if (lost_place_) return TakePlaceAgain(timeout);
  ClientHandle client = this->client();
  std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)> message(
      rd_kafka_consumer_poll(client.get(), Milliseconds(timeout)), &rd_kafka_message_destroy);
  RETURN_IF_ERROR(std::exchange(rebalance_status_, absl::OkStatus()));
  if (absl::Status health = Health(); !health.ok()) {
    log_.Say("{}; asking whose it is now", std::string(health.message()));
    LosePlace();
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(LeaveEarlierLife());
  if (absl::Now() >= join_again_) {
    join_again_ = absl::InfiniteFuture();
    RETURN_IF_ERROR(Subscribe());
  }
  if (message == nullptr) return absl::OkStatus();
  return PollError(*message);
}

absl::Status KafkaConsumer::PollError(const rd_kafka_message_t& message) {
  std::string topic = message.rkt != nullptr ? rd_kafka_topic_name(message.rkt) : "";
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return absl::InternalError(fmt::format(
          "a record of {}/{} came outside of its partition's queue", topic, message.partition));
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      return absl::FailedPreconditionError(fmt::format(
          "{}: was the topic deleted? {}", rd_kafka_message_errstr(&message), kDeleted));
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return KafkaStatus(message.err, "reading the project's topics",
                         rd_kafka_message_errstr(&message));
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
      spdlog::warn("kafka: {}; joining the group again", rd_kafka_message_errstr(&message));
      return absl::OkStatus();
    default:
      spdlog::debug("kafka: consumer: {}", rd_kafka_message_errstr(&message));
      return absl::OkStatus();
  }
}

absl::StatusOr<FetchedRecords> KafkaConsumer::Fetch(const TaskId& task, size_t max_records,
                                                    absl::Duration timeout) {
  std::shared_ptr<Partition> partition;
  {
    absl::MutexLock lock(&mutex_);
    auto found = partitions_.find(task);
    if (found == partitions_.end()) {
      return absl::CancelledError(task.ToString() + " is not assigned to this worker");
    }
    partition = found->second;
  }
  auto batch = std::make_shared<MessageBatch>(partition->client);
  FetchedRecords fetched;
  size_t taken = max_records;
  // Whoever gets no record waits to be woken, which what is in the queue already does not do.
  while (taken == max_records && fetched.records.empty()) {
    taken = batch->Consume(partition->queue.get(), max_records, Milliseconds(timeout));
    fetched.records.reserve(taken);
    for (const rd_kafka_message_t* message : absl::MakeSpan(batch->messages()).last(taken))
      RETURN_IF_ERROR(Take(task, *message, partition.get(), &fetched));
  }
  if (!fetched.records.empty()) {
    fetched.owner = std::move(batch);
    // The broker said with these records where it ends; else it says so half a second later.
    std::optional<Watermarks> marks = CachedWatermarks(task);
    if (marks && fetched.last_offset + 1 >= marks->high) partition->at_end = true;
  }
  fetched.at_end = partition->at_end;
  return fetched;
}

absl::Status KafkaConsumer::Take(const TaskId& task, const rd_kafka_message_t& message,
                                 Partition* partition, FetchedRecords* fetched) {
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    fetched->records.push_back(RawRecordOf(message));
    fetched->last_offset = Offset(message.offset);
    partition->at_end = false;
    return absl::OkStatus();
  }
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    fetched->last_offset = Offset(message.offset - 1);
    partition->at_end = true;
    return absl::OkStatus();
  }
  absl::Status status = FetchError(task, message);
  if (!absl::IsUnavailable(status)) return status;
  partition->log.Say("kafka: {}, retrying", std::string(status.message()));
  return absl::OkStatus();
}

absl::Status KafkaConsumer::FetchError(const TaskId& task, const rd_kafka_message_t& message) {
  std::string text = rd_kafka_message_errstr(&message);
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: {
      absl::StatusOr<Watermarks> marks = QueryWatermarks(task, absl::Seconds(2));
      std::string kept = marks.ok() ? fmt::format(" The broker holds offsets {} to {}.",
                                                  marks->low.value(), marks->high.value() - 1)
                                    : "";
      return absl::FailedPreconditionError(fmt::format(
          "{}: the offset that follows this worker's state is not in the topic ({}).{} Either the "
          "topic's retention deleted records that were not yet read, or the topic was recreated. "
          "Nothing is guessed: to build the features anew from the oldest record, remove what the "
          "project left with `forebay reset --all`, then start again",
          task.ToString(), text, kept));
    }
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return absl::FailedPreconditionError(fmt::format(
          "{}: the topic or partition is gone ({}). {}", task.ToString(), text, kDeleted));
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return absl::FailedPreconditionError(fmt::format(
          "{}: the broker refuses to let this client read the topic ({}): grant it READ",
          task.ToString(), text));
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
      return absl::DataLossError(
          fmt::format("{}: a record cannot be read: {}. Nothing is skipped: check the broker's log "
                      "segments",
                      task.ToString(), text));
    default:
      RETURN_IF_ERROR(Health());
      return absl::UnavailableError(fmt::format("{}: {}", task.ToString(), text));
  }
}

absl::StatusOr<Watermarks> KafkaConsumer::QueryWatermarks(const TaskId& task,
                                                          absl::Duration timeout) {
  int64_t low = 0;
  int64_t high = 0;
  RETURN_IF_ERROR(KafkaStatus(
      rd_kafka_query_watermark_offsets(client().get(), task.topic.c_str(), task.partition.value(),
                                       &low, &high, Milliseconds(timeout)),
      "offsets of " + task.ToString()));
  return Watermarks{Offset(low), Offset(high)};
}

absl::StatusOr<std::vector<Offset>> KafkaConsumer::QueryEnds(absl::Span<const TaskId> tasks,
                                                             absl::Duration timeout) {
  PartitionList list = NewPartitionList();
  for (const TaskId& task : tasks) Add(list.get(), task).offset = RD_KAFKA_OFFSET_END;
  RETURN_IF_ERROR(KafkaStatus(
      rd_kafka_offsets_for_times(client().get(), list.get(), Milliseconds(timeout)), "offsets"));
  std::vector<Offset> ends;
  for (int i = 0; i < list->cnt; ++i) {
    RETURN_IF_ERROR(KafkaStatus(list->elems[i].err, "offsets of " + tasks[i].ToString()));
    ends.push_back(Offset(list->elems[i].offset));
  }
  return ends;
}

std::optional<Watermarks> KafkaConsumer::CachedWatermarks(const TaskId& task) const {
  int64_t low = 0;
  int64_t high = 0;
  rd_kafka_resp_err_t error = rd_kafka_get_watermark_offsets(client().get(), task.topic.c_str(),
                                                             task.partition.value(), &low, &high);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR || high == RD_KAFKA_OFFSET_INVALID) return std::nullopt;
  return Watermarks{Offset(std::max<int64_t>(low, 0)), Offset(high)};
}

absl::StatusOr<std::vector<std::optional<Offset>>> KafkaConsumer::Committed(
    absl::Span<const TaskId> tasks, absl::Duration timeout) {
  PartitionList list = NewPartitionList();
  for (const TaskId& task : tasks) Add(list.get(), task);
  std::string context = "committed offsets of group " + options_.group;
  rd_kafka_resp_err_t error = rd_kafka_committed(client().get(), list.get(), Milliseconds(timeout));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) RETURN_IF_ERROR(Health());
  RETURN_IF_ERROR(KafkaStatus(error, context));
  std::vector<std::optional<Offset>> result;
  for (int i = 0; i < list->cnt; ++i) {
    RETURN_IF_ERROR(KafkaStatus(list->elems[i].err, context));
    int64_t offset = list->elems[i].offset;
    result.push_back(offset < 0 ? std::nullopt : std::optional<Offset>(offset));
  }
  return result;
}

absl::Status KafkaConsumer::Commit(absl::Span<const std::pair<TaskId, Offset>> next_offsets,
                                   absl::Duration timeout, const std::atomic<bool>* cancel) {
  PartitionList list = NewPartitionList();
  for (const auto& [task, offset] : next_offsets) Add(list.get(), task).offset = offset.value();
  ClientHandle client = this->client();
  QueueHandle queue(rd_kafka_queue_new(client.get()));
  std::string context = "committing offsets of group " + options_.group;
  RETURN_IF_ERROR(KafkaStatus(
      rd_kafka_commit_queue(client.get(), list.get(), queue.get(), nullptr, nullptr), context));
  std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)> event(
      nullptr, &rd_kafka_event_destroy);
  for (absl::Time end = absl::Now() + timeout; event == nullptr;) {
    if (cancel != nullptr && cancel->load())
      return absl::CancelledError("stopped while " + context);
    absl::Duration left = std::max(end - absl::Now(), absl::ZeroDuration());
    event.reset(rd_kafka_queue_poll(queue.get(), Milliseconds(std::min(left, kCancelInterval))));
    if (event == nullptr) RETURN_IF_ERROR(Health());
    if (event == nullptr && left == absl::ZeroDuration()) {
      return absl::UnavailableError(context + ": no answer yet");
    }
  }
  rd_kafka_resp_err_t error = rd_kafka_event_error(event.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) RETURN_IF_ERROR(Health());
  return KafkaStatus(error, context);
}

std::shared_ptr<rd_kafka_consumer_group_metadata_s> KafkaConsumer::GroupMetadata() const {
  return {rd_kafka_consumer_group_metadata(client().get()), [](auto* metadata) {
            if (metadata != nullptr) rd_kafka_consumer_group_metadata_destroy(metadata);
          }};
}

absl::Status KafkaConsumer::Health() const {
  absl::Status fatal = FatalStatus(
      client().get(),
      fmt::format("worker {} lost its place in group {}", options_.worker_id, options_.group));
  return fatal.ok() ? fatal : absl::AbortedError(std::string(fatal.message()));
}

}  // namespace forebay
