#include "connectors/kafka/published_positions.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "connectors/kafka/kafka_error.h"
#include "connectors/kafka/partition_list.h"
#include "connectors/kafka/retry_log.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

constexpr int kEndOfPositionsMillis = 2000;
constexpr int kPollForPositionMillis = 100;
constexpr std::string_view kNotePrefix = "topic ";
constexpr std::string_view kSplitPrefix = "split ";
constexpr std::string_view kFeedPrefix = "feed ";
constexpr std::string_view kNoId = "-";

using Message = std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)>;

std::string_view Bytes(const void* data, size_t size) {
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), size);
}

std::string NoteOf(std::string_view id, std::string_view rest) {
  return fmt::format("{} {}", id.empty() ? kNoId : id, rest);
}

// The id, and what follows it.
std::pair<std::string_view, std::string_view> SplitNoteValue(std::string_view value) {
  size_t space = std::min(value.find(' '), value.size());
  std::string_view id = value.substr(0, space);
  return {id == kNoId ? "" : id, value.substr(std::min(space + 1, value.size()))};
}

}  // namespace

Offset PublishedOffsets::Highest() const {
  Offset highest = gate;
  for (Offset updated : updates) highest = std::max(highest, updated);
  for (Offset lettered : letters) highest = std::max(highest, lettered);
  return highest;
}

std::string UpdatesPositionKey(std::string_view view, uint32_t version, const TaskId& task) {
  return fmt::format("{} {}", ViewId{std::string(view), version}.ToString(), task.ToString());
}

std::string LettersPositionKey(std::string_view view, uint32_t version, const TaskId& task) {
  if (view.empty()) return task.ToString();
  return fmt::format("{} dead-letter {}", ViewId{std::string(view), version}.ToString(),
                     task.ToString());
}

absl::Status WritePosition(std::string_view project, std::string_view key, Offset position,
                           Producer& producer) {
  std::string value = std::to_string(position.value());
  return producer.Produce(
      {.topic = PositionsTopic(project), .partition = 0, .key = key, .value = value});
}

absl::Status ErasePosition(std::string_view project, std::string_view key, Producer& producer) {
  return producer.Produce({.topic = PositionsTopic(project), .partition = 0, .key = key});
}

std::string TopicNoteKey(std::string_view topic) { return fmt::format("{}{}", kNotePrefix, topic); }

absl::Status WriteTopicNote(std::string_view project, std::string_view topic,
                            const TopicIdentity& identity, Producer& producer) {
  std::string key = TopicNoteKey(topic);
  std::string value = NoteOf(identity.id, std::to_string(identity.partitions));
  return producer.Produce(
      {.topic = PositionsTopic(project), .partition = 0, .key = key, .value = value});
}

absl::Status WriteFeedNote(std::string_view project, std::string_view source, int32_t partition,
                           const FeedNote& note, Producer& producer) {
  std::string key = fmt::format("{}{}/{}", kFeedPrefix, source, partition);
  std::string value =
      NoteOf(note.topic.id, fmt::format("{} {}", note.topic.partitions, note.position));
  return producer.Produce(
      {.topic = PositionsTopic(project), .partition = 0, .key = key, .value = value});
}

absl::Status WriteSplitNote(std::string_view project, std::string_view topic, const SplitNote& note,
                            Producer& producer) {
  std::string key = fmt::format("{}{}", kSplitPrefix, topic);
  std::string value = NoteOf(note.id, note.message);
  return producer.Produce(
      {.topic = PositionsTopic(project), .partition = 0, .key = key, .value = value});
}

absl::Status PublishedPositions::Connect() {
  if (reading_ != nullptr) return absl::OkStatus();
  std::string group = fmt::format("forebay-{}-positions", project_.name());
  ASSIGN_OR_RETURN(ConfHandle asking,
                   NewConf(kafka_, ClientRole::kConsumer,
                           {{"group.id", group}, {"isolation.level", "read_uncommitted"}}));
  ASSIGN_OR_RETURN(asking_, NewClient(std::move(asking), ClientRole::kConsumer));
  std::map<std::string, std::string> own = {{"group.id", group}};
  if (isolation_ == Isolation::kUncommitted) own["isolation.level"] = "read_uncommitted";
  ASSIGN_OR_RETURN(ConfHandle reading, NewConf(kafka_, ClientRole::kConsumer, own));
  ASSIGN_OR_RETURN(reading_, NewClient(std::move(reading), ClientRole::kConsumer));
  rd_kafka_poll_set_consumer(reading_.get());
  return absl::OkStatus();
}

absl::StatusOr<Offset> PublishedPositions::End() {
  std::string topic = PositionsTopic(project_.name());
  int64_t low = 0, high = 0;
  RETURN_IF_ERROR(KafkaStatus(rd_kafka_query_watermark_offsets(asking_.get(), topic.c_str(), 0,
                                                               &low, &high, kEndOfPositionsMillis),
                              "the end of topic " + topic));
  return Offset(high);
}

// A committed record comes once every transaction that began before it has ended.
absl::Status PublishedPositions::ReadTo(Offset end) {
  TaskId partition{PositionsTopic(project_.name()), PartitionId(0)};
  PartitionList list = NewPartitionList();
  Add(list.get(), partition).offset = next_.value();
  RETURN_IF_ERROR(
      KafkaStatus(rd_kafka_assign(reading_.get(), list.get()), "reading " + partition.topic));
  RetryLog log;
  absl::Status status;
  while (next_ < end && status.ok()) {
    if (cancelled()) status = absl::CancelledError("stopped while reading published positions");
    Message message(rd_kafka_consumer_poll(reading_.get(), kPollForPositionMillis),
                    &rd_kafka_message_destroy);
    if (message == nullptr) {
      log.SayLater("{}: waiting for records up to offset {}", partition.topic, end.value() - 1);
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      next_ = std::max(next_, Offset(message->offset));
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      Take(Bytes(message->key, message->key_len), Bytes(message->payload, message->len));
      next_ = Offset(message->offset + 1);
    } else {
      absl::Status error = KafkaStatus(message->err, "reading " + partition.topic);
      if (!absl::IsUnavailable(error)) status = error;
      log.SayLater("{}, retrying", std::string(error.message()));
    }
  }
  log.Done("{}: read", partition.topic);
  rd_kafka_assign(reading_.get(), nullptr);
  return status;
}

void PublishedPositions::Take(std::string_view key, std::string_view value) {
  if (key.starts_with(kNotePrefix)) {
    std::string topic(key.substr(kNotePrefix.size()));
    topic_notes_.erase(topic);
    if (value.empty()) return;
    auto [id, partitions] = SplitNoteValue(value);
    TopicIdentity& identity = topic_notes_[topic];
    identity.id = id;
    std::from_chars(partitions.data(), partitions.data() + partitions.size(), identity.partitions);
    return;
  }
  if (key.starts_with(kSplitPrefix)) {
    std::string topic(key.substr(kSplitPrefix.size()));
    split_notes_.erase(topic);
    if (value.empty()) return;
    auto [id, message] = SplitNoteValue(value);
    split_notes_[topic] = {std::string(id), std::string(message)};
    return;
  }
  if (key.starts_with(kFeedPrefix)) {
    std::string partition(key.substr(kFeedPrefix.size()));
    feed_notes_.erase(partition);
    if (value.empty()) return;
    auto [id, rest] = SplitNoteValue(value);
    FeedNote& note = feed_notes_[partition];
    note.topic.id = id;
    const char* end =
        std::from_chars(rest.data(), rest.data() + rest.size(), note.topic.partitions).ptr;
    note.position = rest.substr(std::min<size_t>(end - rest.data() + 1, rest.size()));
    return;
  }
  int64_t position = -1;
  std::from_chars(value.data(), value.data() + value.size(), position);
  newest_[std::string(key)] = Offset(position);
}

absl::Status PublishedPositions::Refresh() {
  RETURN_IF_ERROR(Connect());
  RetryLog log;
  while (true) {
    absl::StatusOr<Offset> end = End();
    if (end.ok()) return ReadTo(*end);
    if (!absl::IsUnavailable(end.status())) return end.status();
    if (cancelled()) return absl::CancelledError("stopped while asking for published positions");
    log.SayLater("{}, retrying", std::string(end.status().message()));
  }
}

PublishedOffsets PublishedPositions::Of(const TaskId& task) const {
  auto position = [&](const std::string& key) {
    auto found = newest_.find(key);
    return found == newest_.end() ? Offset(-1) : found->second;
  };
  PublishedOffsets offsets{.gate = position(LettersPositionKey("", 0, task))};
  for (const v1::FeatureView& view : project_.feature_views()) {
    offsets.updates.push_back(position(UpdatesPositionKey(view.name(), view.version(), task)));
    offsets.letters.push_back(position(LettersPositionKey(view.name(), view.version(), task)));
  }
  return offsets;
}

std::map<ViewId, std::vector<std::string>> PublishedPositions::KeysOfViews() const {
  std::map<ViewId, std::vector<std::string>> keys;
  for (const auto& [key, position] : newest_) {
    std::optional<ViewId> view = ParseViewId(key.substr(0, key.find(' ')));
    if (view && position.value() >= 0) keys[*view].push_back(key);
  }
  return keys;
}

std::optional<FeedNote> PublishedPositions::FeedNoteOf(std::string_view source,
                                                       int32_t partition) const {
  auto found = feed_notes_.find(fmt::format("{}/{}", source, partition));
  if (found == feed_notes_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> PublishedPositions::Keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, position] : newest_) {
    if (position.value() >= 0) keys.push_back(key);
  }
  for (const auto& [topic, identity] : topic_notes_) keys.push_back(TopicNoteKey(topic));
  for (const auto& [topic, note] : split_notes_)
    keys.push_back(fmt::format("{}{}", kSplitPrefix, topic));
  for (const auto& [partition, note] : feed_notes_)
    keys.push_back(fmt::format("{}{}", kFeedPrefix, partition));
  return keys;
}

}  // namespace forebay
