// Waits until workers have applied an erasure and put what came before it into the tables.
//
//   ASSIGN_OR_RETURN(auto wait, ErasureWait::Begin(loaded, scope, kafka, warehouse));
//   ... send the control records ...
//   ASSIGN_OR_RETURN(ErasedUpTo up_to, wait->Run(sent, timeout));
//
// What proves it: the durable state of a task, where it is on this machine, else the committed
// offsets of the consumer group; both follow the sinks. Then the change log of the task has no row
// of the key that the table lacks; where that is on another machine, the table has rows from after
// the erasure, or the worker has had the time to flush twice.
#ifndef FOREBAY_CLI_ERASURE_WAIT_H_
#define FOREBAY_CLI_ERASURE_WAIT_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/erasure_scope.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/erasure_request.h"
#include "connectors/kafka/topic_scan.h"
#include "offline/delta/delta_table.h"
#include "offline/erasure/erased_key.h"

namespace forebay {

inline constexpr absl::Duration kErasureBrokerPatience = absl::Seconds(10);

// Of the tasks that may have made rows of the key: the offset of the erasure, or of the last of
// those that were forwarded to a repartition topic. What is after it is of a subject that came
// back.
using ErasedUpTo = std::map<TaskId, Offset>;

// The key with the positions of one topic's tasks; without any, for a table that no task writes.
ErasedKey KeyUpTo(const ErasureScope& scope, const std::string& topic, const ErasedUpTo& up_to);

// The tasks that have a folder in the project's state folder here; none where there is none.
absl::StatusOr<std::set<TaskId>> LocalTasks(const LoadedProject& loaded);

class ErasureWait {
 public:
  // Notes where the repartition topics end. All arguments outlive it.
  static absl::StatusOr<std::unique_ptr<ErasureWait>> Begin(const LoadedProject& loaded,
                                                            const ErasureScope& scope,
                                                            const KafkaConfig& kafka,
                                                            std::shared_ptr<ObjectStore> warehouse);

  // DEADLINE_EXCEEDED says what is waited for. UNAVAILABLE: no broker answers.
  absl::StatusOr<ErasedUpTo> Run(const std::vector<SentErasure>& sent, absl::Duration timeout);

 private:
  // A repartition topic's partition of the key, and what was forwarded to it.
  struct Forwarded {
    std::string source_topic;
    TaskId task;
    int32_t partitions = 0;              // of the topic; 0: it is not there yet
    Offset read_from{0};                 // what is before is from before
    std::map<PartitionId, Offset> seen;  // by partition of the source: up to where erasures came
    Offset last{-1};                     // of these, in the topic
  };
  // Whether a task has applied it.
  struct Progress {
    Offset position{-1};                // as far as is known
    std::optional<absl::Time> applied;  // when that was seen
  };

  ErasureWait(const LoadedProject& loaded, const ErasureScope& scope, const KafkaConfig& kafka,
              std::shared_ptr<ObjectStore> warehouse)
      : loaded_(loaded), scope_(scope), kafka_(kafka), warehouse_(std::move(warehouse)) {}

  // What is waited for; empty: nothing.
  absl::StatusOr<std::string> Look(const std::vector<SentErasure>& sent);
  absl::Status FindPartition(Forwarded* forwarded);
  absl::StatusOr<std::string> LookAtForwarded(const std::vector<SentErasure>& sent,
                                              Forwarded* forwarded);
  absl::StatusOr<std::string> LookAtTask(const TaskId& task, Offset erasure);
  // `here`: the task's worker is on this machine.
  absl::StatusOr<std::string> LookAtTable(const ErasureScope::Table& table, const TaskId& task,
                                          Offset erasure, bool here);
  absl::Status FollowReleases(const Forwarded& forwarded, const TableId& table);
  absl::StatusOr<Offset> PositionHere(const TaskId& task) const;
  absl::StatusOr<Offset> PositionOfGroup(const TaskId& task);

  const LoadedProject& loaded_;
  const ErasureScope& scope_;
  const KafkaConfig& kafka_;
  const std::shared_ptr<ObjectStore> warehouse_;
  std::unique_ptr<KafkaAdmin> admin_;
  std::vector<Forwarded> forwarded_;
  std::map<std::string, std::unique_ptr<TopicScan>> groups_;  // by topic, for committed offsets
  std::map<TableId, std::unique_ptr<DeltaTable>> tables_;
  std::set<TaskId> here_;
  std::map<TaskId, Progress> progress_;
  ErasedUpTo up_to_;
};

}  // namespace forebay

#endif  // FOREBAY_CLI_ERASURE_WAIT_H_
