// What the update topics and the dead-letter topic hold, by view and task: the newest records of
// the topic `<project>.positions` (S27), which is compacted.
//
//   key    "<view>@<version> <topic>/<partition>": of a view's updates;
//          "<view>@<version> dead-letter <topic>/<partition>": of the dead letters that it made;
//          "<topic>/<partition>": of the dead letters of records that no view saw
//   value  the position, decimal: everything up to it is published; null: no more than if the key
//          had never been there
//
// A position is written in the transaction of what it is about, or once that is acknowledged.
//
// Beside them it notes which topics the project worked with (S30):
//
//   key    "topic <topic>"
//   value  "<id> <partitions>": when it was first read, or published into; the id "-": not known
//   key    "feed <source>/<partition>"
//   value  "<id> <partitions> <position>": of the topic that files are fed into, and how far they
//          are there
//   key    "split <topic>"
//   value  "<id> <message>": it was refused as its keys are in several partitions
#ifndef FOREBAY_CONNECTORS_KAFKA_PUBLISHED_POSITIONS_H_
#define FOREBAY_CONNECTORS_KAFKA_PUBLISHED_POSITIONS_H_

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/kafka/client_config.h"
#include "connectors/kafka/producer.h"
#include "engine/batch/event_batch.h"
#include "engine/task/topic_identity.h"
#include "schemas/types/view_id.h"

namespace forebay {

namespace v1 {
class Project;
}

// Of one task; -1: nothing is published.
struct PublishedOffsets {
  Offset gate{-1};  // dead letters of records that no view saw
  // By index into Project.feature_views. Apart, since updates may be switched off for a while.
  std::vector<Offset> updates;
  std::vector<Offset> letters;

  Offset Highest() const;
};

std::string UpdatesPositionKey(std::string_view view, uint32_t version, const TaskId& task);
// An empty view name: of records that no view saw.
std::string LettersPositionKey(std::string_view view, uint32_t version, const TaskId& task);

absl::Status WritePosition(std::string_view project, std::string_view key, Offset position,
                           Producer& producer);

// As if there never was a position of that key.
absl::Status ErasePosition(std::string_view project, std::string_view key, Producer& producer);

// That of a topic's note.
std::string TopicNoteKey(std::string_view topic);

absl::Status WriteTopicNote(std::string_view project, std::string_view topic,
                            const TopicIdentity& identity, Producer& producer);

// How far the files of a source are in a partition of the topic that they are fed into.
struct FeedNote {
  TopicIdentity topic;
  std::string position;
};
absl::Status WriteFeedNote(std::string_view project, std::string_view source, int32_t partition,
                           const FeedNote& note, Producer& producer);

// That a topic's keys are in several partitions.
struct SplitNote {
  std::string id;  // of the topic; empty: not known
  std::string message;
};
absl::Status WriteSplitNote(std::string_view project, std::string_view topic, const SplitNote& note,
                            Producer& producer);

// Which records of the topic are read.
enum class Isolation { kCommitted, kUncommitted };

// Reads the topic. Not thread-safe.
class PublishedPositions {
 public:
  // `project` and `cancel` (may be null) outlive it.
  PublishedPositions(const v1::Project& project, KafkaConfig kafka, const std::atomic<bool>* cancel,
                     Isolation isolation = Isolation::kCommitted)
      : project_(project), kafka_(std::move(kafka)), cancel_(cancel), isolation_(isolation) {}

  // What was written before the call. Waits for brokers that are away and, where only what is
  // committed is read, for transactions that are open in the topic. CANCELLED.
  absl::Status Refresh();
  // As of the last Refresh.
  PublishedOffsets Of(const TaskId& task) const;
  // The keys that have a position, of views whether or not they are declared.
  std::map<ViewId, std::vector<std::string>> KeysOfViews() const;
  // All that have a value.
  std::vector<std::string> Keys() const;
  // By topic.
  const std::map<std::string, TopicIdentity>& topic_notes() const { return topic_notes_; }
  const std::map<std::string, SplitNote>& split_notes() const { return split_notes_; }
  std::optional<FeedNote> FeedNoteOf(std::string_view source, int32_t partition) const;

 private:
  absl::Status Connect();
  absl::StatusOr<Offset> End();
  absl::Status ReadTo(Offset end);
  void Take(std::string_view key, std::string_view value);
  bool cancelled() const { return cancel_ != nullptr && cancel_->load(); }

  const v1::Project& project_;
  const KafkaConfig kafka_;
  const std::atomic<bool>* const cancel_;
  const Isolation isolation_;
  ClientHandle asking_;  // sees the end of the topic, open transactions included
  ClientHandle reading_;
  Offset next_{0};
  std::map<std::string, Offset, std::less<>> newest_;
  std::map<std::string, TopicIdentity> topic_notes_;
  std::map<std::string, SplitNote> split_notes_;
  std::map<std::string, FeedNote> feed_notes_;  // by "<source>/<partition>"
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_PUBLISHED_POSITIONS_H_
