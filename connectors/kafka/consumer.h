// The one consumer of a worker: it is told which tasks are the worker's, and hands their records to
// any task thread.
//
//   KafkaConsumer::Options options{.kafka = config, .group = "forebay-shop", .worker_id = "w1",
//                                  .topics = {{"transactions", 8}}};
//   options.owner.assigned = [&](absl::Span<const TaskId> tasks) { ... their positions ... };
//   options.owner.revoked = [&](absl::Span<const TaskId> tasks, bool lost) { ... stop, commit ...
//   }; ASSIGN_OR_RETURN(auto consumer, KafkaConsumer::Create(std::move(options))); while (!stop)
//   RETURN_IF_ERROR(consumer->Poll(absl::Milliseconds(100)));  // one thread: rebalances
//   ... consumer->Fetch(task, 1000, absl::Milliseconds(50)) ...             // task threads
//   consumer->Close();
//
// The group is balanced by the eager range assignor, so equal partitions of equal topics meet on
// one worker; membership is static (group.instance.id = worker_id), so a restart after a crash,
// within session.timeout.ms, moves nothing. Close leaves the group, so that others have the tasks
// at once. Positions are the caller's: the group's committed offsets are never used as a start.
//
// A broker that goes away is waited for: Fetch answers nothing meanwhile. When it has given the
// worker's place in the group away, the consumer joins again and its tasks are assigned anew. That
// goes for fencing, too: a broker that was frozen may find in its queue two questions to join, of
// which the worker gave up the first, and fences the worker in its own name. Only where another
// worker has the worker_id is it FAILED_PRECONDITION, as are lost or impossible offsets and refused
// access: the task halts (S30).
#ifndef FOREBAY_CONNECTORS_KAFKA_CONSUMER_H_
#define FOREBAY_CONNECTORS_KAFKA_CONSUMER_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "connectors/kafka/client_config.h"
#include "connectors/kafka/retry_log.h"
#include "connectors/kafka/worker_claim.h"
#include "engine/batch/event_batch.h"
#include "engine/task/topic_identity.h"
#include "engine/worker/source.h"

struct rd_kafka_consumer_group_metadata_s;
struct rd_kafka_message_s;
struct rd_kafka_topic_partition_list_s;

namespace forebay {

// A topic to read.
struct SubscribedTopic {
  std::string name;
  int32_t partitions = 0;  // more than that halt the worker (S30)
  TopicRole role = {};     // for messages
  // Of this topic's partitions, those alone whose partition of the other topic is here, too: a
  // group whose members read different topics divides them otherwise. Empty: all that the group
  // gives.
  std::string beside = {};
};

// What Fetch read of one partition, in offset order.
struct FetchedRecords {
  std::vector<RawRecord> records;     // `native` is for HeadersOf
  std::shared_ptr<const void> owner;  // keeps the records' bytes; null iff there are none
  // Everything up to here has been read. Past the last record where the partition's end was
  // reached: transaction markers and compacted holes move it too. -1: nothing new is known.
  Offset last_offset{-1};
  // The end of the partition (that of committed records) has been reached, as far as is known here.
  bool at_end = false;
};

// A message of librdkafka's as a record; its bytes are the message's. REQUIRES: it is no error.
RawRecord RawRecordOf(const rd_kafka_message_s& message);

// The headers of a fetched record, in their order; a null value is an empty one. REQUIRES: the
// owner of the record is alive; one thread at a time per record.
RecordHeaders HeadersOf(const RawRecord& record);

struct Watermarks {
  Offset low;   // the oldest record kept
  Offset high;  // the next to be written
};

class KafkaConsumer {
 public:
  struct Options {
    KafkaConfig kafka;
    std::string group;  // empty: none; the owner says which tasks it reads (Take)
    std::string worker_id;
    // Tells whether another worker has the worker_id; made before. Outlives the consumer. Null:
    // whoever has the place is another.
    const WorkerClaim* claim = nullptr;
    std::vector<SubscribedTopic> topics;
    // How many records may wait for the tasks, about, unless `kafka` says so for each partition.
    // One takes 0.4 to 0.9 KB beside its bytes, and is read from memory again when it has waited
    // for long. What waits is to last until a partition with its share asks for more
    // (fetch.queue.backoff.ms).
    int64_t records_ahead = 100'000;
    // The group may know the worker from an earlier life.
    bool known_to_group = true;
    PartitionOwner owner;
  };

  // Starts and subscribes; does not wait for a broker.
  static absl::StatusOr<std::unique_ptr<KafkaConsumer>> Create(Options options);
  // Without calling `revoked` or leaving: as a crash would.
  ~KafkaConsumer();

  // Serves rebalances on the calling thread; returns after `timeout` or something served.
  // FAILED_PRECONDITION: the worker cannot go on (another has its worker_id, no access, topic gone,
  // more partitions); else the error of `assigned`.
  absl::Status Poll(absl::Duration timeout);

  // The worker has lost its tasks for a reason of its own: after a pause they are taken away and
  // assigned anew, unless the group does so before. Poll's thread.
  void JoinAgain();

  // What the owner does with its tasks has changed: they are taken away and assigned anew, at once
  // and without the group, where the topics are those of before; else with the group, which then
  // divides the others. Errors as Poll. Poll's thread.
  absl::Status Renew(std::vector<SubscribedTopic> topics);

  // Of a consumer without a group (Options.group is empty): these are its tasks from now on. Errors
  // as Poll. Poll's thread.
  absl::Status Take(const std::vector<TaskId>& tasks);

  // Up to `max_records` records, waiting up to `timeout` for the first; none: there are no more for
  // now. CANCELLED: the task is not assigned (any more). DATA_LOSS: a record's checksum is wrong.
  // Any thread, one at a time per task.
  absl::StatusOr<FetchedRecords> Fetch(const TaskId& task, size_t max_records,
                                       absl::Duration timeout);

  // `wake` is called when Fetch may have something after it had no record: records, the partition's
  // end, the task or its loss by a rebalance. It may be called for nothing, on threads of
  // librdkafka's and within Watch, with locks held: it must be quick, not call the consumer, and
  // not wait for whoever does. Null ends it: on return no call is under way. The task need not be
  // assigned. Any thread.
  void Watch(const TaskId& task, std::function<void()> wake);

  // As the broker has them. UNAVAILABLE if none answers in time.
  absl::StatusOr<Watermarks> QueryWatermarks(const TaskId& task, absl::Duration timeout);
  // Watermarks::high of each, in order, by one question to each broker: it answers after what it
  // has to fetch, which may be half a second later. UNAVAILABLE: not all answered in time.
  absl::StatusOr<std::vector<Offset>> QueryEnds(absl::Span<const TaskId> tasks,
                                                absl::Duration timeout);
  // As of the last fetch, without asking; none: nothing fetched yet. For lag: high - 1 - position.
  std::optional<Watermarks> CachedWatermarks(const TaskId& task) const;

  // The group's committed offset per task, in order: the next offset to read; none: no commit yet.
  // Waits for open transactions of the group to end. UNAVAILABLE: try again. Any thread.
  absl::StatusOr<std::vector<std::optional<Offset>>> Committed(absl::Span<const TaskId> tasks,
                                                               absl::Duration timeout);

  // Commits the group's offsets (next to read) outside of transactions. UNAVAILABLE: try again;
  // ABORTED: the group has moved on; CANCELLED: `cancel` (may be null) became true. Any thread.
  absl::Status Commit(absl::Span<const std::pair<TaskId, Offset>> next_offsets,
                      absl::Duration timeout, const std::atomic<bool>* cancel = nullptr);

  // Who this member is now, for send_offsets_to_transaction.
  std::shared_ptr<rd_kafka_consumer_group_metadata_s> GroupMetadata() const;

  // ABORTED while the worker has no place in the group: its tasks are lost.
  absl::Status Health() const;

  // Asks who has the worker's place in the group. FAILED_PRECONDITION: another worker, with the
  // same worker_id. UNAVAILABLE. Any thread.
  absl::Status CheckPlace() const;

  // Gives the tasks back (calls `revoked`) and leaves the group, if its brokers answer. Idempotent.
  void Close();

  // The one for now: another takes its place after fencing. Any thread.
  ClientHandle client() const;

 private:
  struct Partition;

  explicit KafkaConsumer(Options options)
      : options_(std::move(options)), topics_(options_.topics) {}

  static void OnRebalance(rd_kafka_s* client, int error,
                          rd_kafka_topic_partition_list_s* partitions, void* self);
  absl::Status Connect();
  absl::Status Subscribe();
  absl::Status LeaveEarlierLife();
  void Leave();
  // Whether the group has this client as a member, as far as it knows.
  bool IsMember() const;
  // Takes the tasks away from a client that is of no use any more.
  void LosePlace();
  // Makes another client, unless another worker has the place.
  absl::Status TakePlaceAgain(absl::Duration timeout);
  void Assign(rd_kafka_topic_partition_list_s* partitions);
  void LeaveWhatIsApart(rd_kafka_topic_partition_list_s* partitions) const;
  // Asks the owner from where, and reads; or nothing.
  void Begin(rd_kafka_topic_partition_list_s* partitions);
  // Ends a rebalance.
  void TakeNothing();
  // Whether a partition list is for other topics than those subscribed to.
  bool IsForOtherTopics(const rd_kafka_topic_partition_list_s& partitions) const;
  void Revoke(rd_kafka_topic_partition_list_s* partitions);
  void RevokeAll();
  absl::Status TakePartitions(rd_kafka_topic_partition_list_s* partitions);
  void OpenQueues(const std::vector<TaskId>& tasks);
  void CloseQueues();
  absl::Status PollError(const rd_kafka_message_s& message);
  absl::Status Take(const TaskId& task, const rd_kafka_message_s& message, Partition* partition,
                    FetchedRecords* fetched);
  absl::Status FetchError(const TaskId& task, const rd_kafka_message_s& message);

  const Options options_;
  // Of Poll's thread.
  std::vector<SubscribedTopic> topics_;
  absl::Status rebalance_status_;                   // of the callback
  absl::Time join_again_ = absl::InfiniteFuture();  // when
  enum class EarlierLife : uint8_t { kUnknown, kToLeave, kLeaving, kOver };
  EarlierLife earlier_life_ = EarlierLife::kUnknown;
  bool lost_place_ = false;
  bool has_assignment_ = false;                   // maybe of nothing
  absl::Time take_place_ = absl::InfinitePast();  // not before
  bool leaving_ = false;                          // for good
  RetryLog log_;
  bool closed_ = false;
  bool quiet_ = false;  // closing from the destructor

  mutable absl::Mutex mutex_;
  ClientHandle client_ ABSL_GUARDED_BY(mutex_);  // Poll's thread alone puts another in its place
  absl::flat_hash_map<TaskId, std::shared_ptr<Partition>> partitions_ ABSL_GUARDED_BY(mutex_);
  // Queues of partitions point to them.
  std::map<TaskId, const std::function<void()>> watches_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_CONSUMER_H_
