#include "cli/erasure_wait.h"

#include <arrow/api.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "cli/read_cost.h"
#include "connectors/kafka/control_record.h"
#include "connectors/kafka/repartition_record.h"
#include "engine/task/stored_views.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "forebay/v1/state.pb.h"
#include "offline/erasure/logged_rows.h"
#include "offline/history/key_history.h"
#include "offline/sink/table_flush.h"
#include "online/store/state_folder.h"
#include "online/store/store_factory.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr absl::Duration kBetweenLooks = absl::Milliseconds(300);
// So many of a worker's intervals pass at most until it has done what it does in each.
constexpr int kIntervals = 2;
constexpr absl::Duration kLeeway = absl::Seconds(10);

// Where an erasure was forwarded from; nullopt: the record is no erasure of the key.
std::optional<RecordOrigin> OriginOfErasure(const RawRecord& record, const ErasureScope& scope) {
  if (record.key != scope.key_text || FindHeader(record, kControlHeader) != kEraseControl ||
      FindHeader(record, kEntityHeader) != scope.entity->name()) {
    return std::nullopt;
  }
  absl::StatusOr<RecordOrigin> origin = ReadErasureOrigin(record);
  return origin.ok() ? std::optional(*origin) : std::nullopt;
}

}  // namespace

ErasedKey KeyUpTo(const ErasureScope& scope, const std::string& topic, const ErasedUpTo& up_to) {
  ErasedKey key = ErasedKey::Of(*scope.entity, scope.key);
  if (topic.empty()) return key;
  key.up_to.emplace();
  for (const auto& [task, offset] : up_to) {
    if (task.topic == topic) key.up_to->emplace(task.partition, offset);
  }
  return key;
}

absl::StatusOr<std::set<TaskId>> LocalTasks(const LoadedProject& loaded) {
  absl::StatusOr<StateIdentity> identity = ReadStateIdentity(loaded.config.state);
  if (absl::IsNotFound(identity.status())) return std::set<TaskId>();
  RETURN_IF_ERROR(identity.status());
  if (identity->project != loaded.project->name()) return std::set<TaskId>();
  ASSIGN_OR_RETURN(std::vector<TaskId> tasks, ListTasks(loaded.config.state));
  return std::set<TaskId>(tasks.begin(), tasks.end());
}

absl::StatusOr<std::unique_ptr<ErasureWait>> ErasureWait::Begin(
    const LoadedProject& loaded, const ErasureScope& scope, const KafkaConfig& kafka,
    std::shared_ptr<ObjectStore> warehouse) {
  std::unique_ptr<ErasureWait> wait(new ErasureWait(loaded, scope, kafka, std::move(warehouse)));
  ASSIGN_OR_RETURN(wait->admin_, KafkaAdmin::Create(kafka));
  RETURN_IF_ERROR(wait->admin_->WaitForBroker(kErasureBrokerPatience, nullptr));
  ASSIGN_OR_RETURN(wait->here_, LocalTasks(loaded));
  for (const ErasureScope::Repartition& repartition : scope.repartitions) {
    Forwarded forwarded{.source_topic = repartition.source_topic,
                        .task = {repartition.topic, PartitionId(0)}};
    RETURN_IF_ERROR(wait->FindPartition(&forwarded));
    if (forwarded.partitions > 0) {
      ASSIGN_OR_RETURN(auto scan,
                       TopicScan::Open(kafka, repartition.topic, forwarded.partitions,
                                       loaded.config.group, TopicScan::Isolation::kUncommitted));
      forwarded.read_from = scan->ends()[forwarded.task.partition.value()];
    }
    wait->forwarded_.push_back(std::move(forwarded));
  }
  return wait;
}

absl::Status ErasureWait::FindPartition(Forwarded* forwarded) {
  if (forwarded->partitions > 0) return absl::OkStatus();
  absl::StatusOr<int32_t> partitions = admin_->PartitionCount(forwarded->task.topic);
  if (absl::IsNotFound(partitions.status())) return absl::OkStatus();
  RETURN_IF_ERROR(partitions.status());
  forwarded->partitions = *partitions;
  forwarded->task.partition =
      RepartitionOf(*scope_.entity, scope_.key, *partitions).value_or(PartitionId(0));
  return absl::OkStatus();
}

absl::StatusOr<ErasedUpTo> ErasureWait::Run(const std::vector<SentErasure>& sent,
                                            absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    ASSIGN_OR_RETURN(std::string missing, Look(sent));
    if (missing.empty()) break;
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(
          fmt::format("not erased within {}: {}. A worker of the project must run (`forebay run`); "
                      "call this again to go on",
                      absl::FormatDuration(timeout), missing));
    }
    absl::SleepFor(kBetweenLooks);
  }
  for (const Forwarded& forwarded : forwarded_) {
    for (const ErasureScope::Table& table : scope_.tables) {
      if (table.topic == forwarded.task.topic) RETURN_IF_ERROR(FollowReleases(forwarded, table.id));
    }
  }
  return up_to_;
}

// In a repartition task records and erasures wait for their turn (S26a), and steps have the offset
// of what was read when that came: rows of before the erasure end with the last delete.
absl::Status ErasureWait::FollowReleases(const Forwarded& forwarded, const TableId& table) {
  const std::unique_ptr<DeltaTable>& opened = tables_.at(table);
  if (opened == nullptr) return absl::OkStatus();
  arrow::FieldVector columns;
  for (const char* name : {"_effective_time", "_op", "_source_partition", "_source_offset"})
    columns.push_back(opened->DataSchema()->GetFieldByName(name));
  HistoryReads reads;
  return ReadKeyHistory(
      {.store = warehouse_,
       .table = opened->path(),
       .snapshot = &opened->snapshot(),
       .entity = scope_.entity,
       .key = scope_.key,
       .columns = arrow::schema(std::move(columns)),
       .cost = CostOf(loaded_.config)},
      [&](const std::shared_ptr<arrow::RecordBatch>& rows) {
        const auto& ops = static_cast<const arrow::StringArray&>(*rows->column(1));
        const auto& partitions = static_cast<const arrow::Int32Array&>(*rows->column(2));
        const auto& offsets = static_cast<const arrow::Int64Array&>(*rows->column(3));
        Offset& last = up_to_.at(forwarded.task);
        for (int64_t row = 0; row < rows->num_rows(); ++row) {
          if (ops.GetView(row) == "delete" &&
              partitions.Value(row) == forwarded.task.partition.value())
            last = std::max(last, Offset(offsets.Value(row)));
        }
        return absl::OkStatus();
      },
      &reads);
}

absl::StatusOr<std::string> ErasureWait::Look(const std::vector<SentErasure>& sent) {
  up_to_.clear();
  std::set<std::string> topics;  // whose tasks made rows of the key
  for (const ErasureScope::View& view : scope_.views) topics.insert(view.topic);
  for (const ErasureScope::Table& table : scope_.tables) topics.insert(table.topic);
  for (const SentErasure& erasure : sent) {
    if (topics.contains(erasure.partition.topic)) up_to_[erasure.partition] = erasure.offset;
  }
  for (Forwarded& forwarded : forwarded_) {
    ASSIGN_OR_RETURN(std::string missing, LookAtForwarded(sent, &forwarded));
    if (!missing.empty()) return missing;
    up_to_[forwarded.task] = forwarded.last;
  }
  std::string first;  // all are looked at, as time counts from when one is seen to have applied it
  for (const auto& [task, offset] : up_to_) {
    ASSIGN_OR_RETURN(std::string missing, LookAtTask(task, offset));
    if (first.empty()) first = std::move(missing);
  }
  return first;
}

absl::StatusOr<std::string> ErasureWait::LookAtForwarded(const std::vector<SentErasure>& sent,
                                                         Forwarded* forwarded) {
  auto lacking = [&]() -> std::string {
    for (const SentErasure& erasure : sent) {
      if (erasure.partition.topic != forwarded->source_topic) continue;
      auto seen = forwarded->seen.find(erasure.partition.partition);
      if (seen == forwarded->seen.end() || seen->second < erasure.offset) {
        return fmt::format("the erasure in {} at offset {} is not yet in topic {}",
                           erasure.partition.ToString(), erasure.offset.value(),
                           forwarded->task.topic);
      }
    }
    return "";
  };
  std::string missing = lacking();
  RETURN_IF_ERROR(FindPartition(forwarded));
  if (missing.empty() || forwarded->partitions == 0) return missing;
  ASSIGN_OR_RETURN(auto scan,
                   TopicScan::Open(kafka_, forwarded->task.topic, forwarded->partitions,
                                   loaded_.config.group, TopicScan::Isolation::kUncommitted));
  std::vector<Offset> from = scan->ends();
  const size_t partition = forwarded->task.partition.value();
  from[partition] = forwarded->read_from;
  RETURN_IF_ERROR(scan->ReadFrom(from, [&](PartitionId, const RawRecord& record) {
    if (auto origin = OriginOfErasure(record, scope_)) {
      Offset& seen = forwarded->seen.try_emplace(origin->partition, Offset(-1)).first->second;
      seen = std::max(seen, origin->offset);
      forwarded->last = std::max(forwarded->last, record.offset);
    }
    return absl::OkStatus();
  }));
  forwarded->read_from = std::max(forwarded->read_from, scan->ends()[partition]);
  return lacking();
}

// Of the last record that all sinks and the state have, as far as the state tells: what waits in a
// repartition task counts as not yet read.
absl::StatusOr<Offset> ErasureWait::PositionHere(const TaskId& task) const {
  absl::StatusOr<std::unique_ptr<StateStore>> store =
      OpenStoreForReading(loaded_.config.state, task);
  if (absl::IsNotFound(store.status())) return Offset(-1);
  RETURN_IF_ERROR(store.status());
  ASSIGN_OR_RETURN(v1::TaskMeta meta, ReadTaskMeta(**store));
  return Offset(meta.has_read_position() ? meta.read_position() : meta.position());
}

absl::StatusOr<Offset> ErasureWait::PositionOfGroup(const TaskId& task) {
  std::unique_ptr<TopicScan>& scan = groups_[task.topic];
  if (scan == nullptr) {
    ASSIGN_OR_RETURN(int32_t partitions, admin_->PartitionCount(task.topic));
    ASSIGN_OR_RETURN(scan, TopicScan::Open(kafka_, task.topic, partitions, loaded_.config.group));
  }
  ASSIGN_OR_RETURN(std::vector<Offset> next, scan->Committed());
  return Offset(next.at(task.partition.value()).value() - 1);
}

absl::StatusOr<std::string> ErasureWait::LookAtTask(const TaskId& task, Offset erasure) {
  Progress& progress = progress_[task];
  const bool here = here_.contains(task);
  Offset state(-1);
  if (here) {
    ASSIGN_OR_RETURN(state, PositionHere(task));
  }
  if (!progress.applied) {
    ASSIGN_OR_RETURN(Offset group, PositionOfGroup(task));
    progress.position = std::max(group, state);
    if (progress.position < erasure) {
      return fmt::format("{} has the erasure at offset {}, and has been read up to {}",
                         task.ToString(), erasure.value(), progress.position.value());
    }
    progress.applied = absl::Now();
  }
  // The state here may be left from before the task went to another worker.
  const absl::Duration state_patience =
      kIntervals * absl::Microseconds(loaded_.config.state_interval_us) + kLeeway;
  if (here && state < erasure && absl::Now() < *progress.applied + state_patience)
    return fmt::format("the state of {} in {} is at offset {}, before the erasure at {}",
                       task.ToString(), loaded_.config.state.string(), state.value(),
                       erasure.value());
  for (const ErasureScope::Table& table : scope_.tables) {
    if (table.topic != task.topic) continue;
    ASSIGN_OR_RETURN(std::string missing, LookAtTable(table, task, erasure, state >= erasure));
    if (!missing.empty()) return missing;
  }
  return "";
}

absl::StatusOr<std::string> ErasureWait::LookAtTable(const ErasureScope::Table& table,
                                                     const TaskId& task, Offset erasure,
                                                     bool here) {
  std::unique_ptr<DeltaTable>& opened = tables_[table.id];
  Offset held(-1);
  if (opened == nullptr) {
    auto found = DeltaTable::Open(warehouse_, OfflineTablePath(table.id));
    if (!found.ok() && !absl::IsNotFound(found.status())) return found.status();
    if (found.ok()) opened = *std::move(found);
  }
  if (opened != nullptr) {
    RETURN_IF_ERROR(opened->Refresh());
    auto version =
        opened->TransactionVersion(AppIdPrefix(loaded_.project->name(), table.id) + TaskName(task));
    if (version) held = Offset(*version - 1);
  }
  if (here) {  // also what a killed worker has put into the table and not deleted
    ASSIGN_OR_RETURN(int64_t rows,
                     CountLoggedRows(loaded_.config.state.string(), task, table.id,
                                     KeyUpTo(scope_, task.topic, up_to_), Offset(-1)));
    if (rows == 0) return "";
    return fmt::format("{} rows for table {} are still in the change log of {}", rows,
                       table.id.ToString(), task.ToString());
  }
  if (held >= erasure) return "";
  const absl::Duration patience =
      kIntervals * absl::Microseconds(loaded_.config.flush_interval_us) + kLeeway;
  if (absl::Now() >= *progress_.at(task).applied + patience) return "";
  return fmt::format("table {} has the rows of {} up to offset {}, before the erasure at {}",
                     table.id.ToString(), task.ToString(), held.value(), erasure.value());
}

}  // namespace forebay
