// Publishes change records to the update topics and dead letters to the dead-letter topic.
//
//   std::unique_ptr<Sink> sink = MakeUpdateSink(
//       project, consumer.get(),
//       {.kafka = config, .worker_id = "w1", .limits = limits, .cancel = &give_up});
//
// A view's updates are the newest step of each key that made one, or each step (S36), encoded on
// the task's thread when they are sent: at a cut, or, at_least_once, at the end of a batch. One
// that its topic cannot hold is not published; a dead letter is made of it (update_too_large). What
// is neither depends on the limits of this life of the worker, and is
// settled by the position that is published with the dead letter.
//
// exactly_once: a Commit is one transaction of one producer per worker, which also carries the
// positions of the views that it publishes (S27): a restarted task's rows at or below them are
// dropped, view by view. The group's committed offsets (position + 1) go along, so that a worker
// whose tasks went to another is fenced, and for tools that show lag. Where nothing is published
// the offsets are only sent once a second and at Close; in a project whose views all have
// `updates: off`, without a transaction.
//
// at_least_once: Offer publishes at once; Commit waits until all is acknowledged, sends again what
// failed, in order, and writes positions and the group's offsets (once a second). A crash repeats
// records.
//
// Both wait for brokers that are away, for ever, with a log line now and then, until `cancel`: that
// gives up waiting (the status is CANCELLED); nothing is lost, the caller just has not committed.
//   ABORTED              the group has given the tasks to others: drop them, uncommitted
//   FAILED_PRECONDITION  a message that says what to do
#ifndef FOREBAY_CONNECTORS_KAFKA_UPDATE_SINK_H_
#define FOREBAY_CONNECTORS_KAFKA_UPDATE_SINK_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "connectors/kafka/client_config.h"
#include "connectors/kafka/consumer.h"
#include "connectors/kafka/record_limits.h"
#include "engine/batch/sink.h"
#include "schemas/definition/config.h"

namespace forebay {

namespace v1 {
class Project;
}

// How old the group's committed offset may be where no transaction carries it.
inline constexpr absl::Duration kOffsetInterval = absl::Seconds(1);

struct UpdateSinkOptions {
  KafkaConfig kafka;
  std::string worker_id;
  RecordLimits limits = RecordLimits(KafkaConfig());
  Delivery delivery = Delivery::kExactlyOnce;
  // False: another sink commits the offsets of these tasks. A transaction then commits that of the
  // positions topic in the group: for the sake of the fencing alone.
  bool commits_offsets = true;
  const std::atomic<bool>* cancel = nullptr;  // must outlive the sink
};

// `project` and `consumer` must outlive the sink.
std::unique_ptr<Sink> MakeUpdateSink(const v1::Project& project, KafkaConsumer* consumer,
                                     UpdateSinkOptions options);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_KAFKA_UPDATE_SINK_H_
