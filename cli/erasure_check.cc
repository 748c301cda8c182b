#include "cli/erasure_check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "cli/read_cost.h"
#include "connectors/kafka/admin.h"
#include "connectors/kafka/repartition_record.h"
#include "connectors/kafka/topic_scan.h"
#include "engine/task/stored_views.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "forebay/v1/state.pb.h"
#include "offline/erasure/key_traces.h"
#include "offline/erasure/logged_rows.h"
#include "offline/sink/table_flush.h"
#include "online/store/store_factory.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/topics.h"

namespace forebay {
namespace {

class Check {
 public:
  explicit Check(const ErasureCheckRequest& request)
      : request_(request), scope_(request.scope), project_(request.loaded.project->name()) {}

  absl::StatusOr<std::vector<ErasureFinding>> Run() {
    ASSIGN_OR_RETURN(here_, LocalTasks(request_.loaded));
    RETURN_IF_ERROR(LookAtState());
    RETURN_IF_ERROR(LookAtChangeLogs());
    for (const ErasureScope::Table& table : scope_.tables) {
      RETURN_IF_ERROR(
          LookAtTable(table.id.ToString(), OfflineTablePath(table.id), KeyOf(table.topic)));
    }
    for (const std::string& path : scope_.served)
      RETURN_IF_ERROR(LookAtTable(path, path, ErasedKey::Of(*scope_.entity, scope_.key)));
    if (request_.kafka == nullptr) return std::move(findings_);
    ASSIGN_OR_RETURN(admin_, KafkaAdmin::Create(*request_.kafka));
    RETURN_IF_ERROR(admin_->WaitForBroker(kErasureBrokerPatience, nullptr));
    for (const ErasureScope::View& view : scope_.views) {
      if (view.updates) RETURN_IF_ERROR(LookAtUpdates(view));
    }
    for (const ErasureScope::Repartition& repartition : scope_.repartitions)
      RETURN_IF_ERROR(LookAtRepartition(repartition.topic));
    RETURN_IF_ERROR(LookAtDeadLetters());
    return std::move(findings_);
  }

 private:
  ErasureFinding& Add(std::string place) {
    findings_.push_back({.place = std::move(place)});
    return findings_.back();
  }

  // Whether a state of the key is of a subject that came back. One that is left from before the
  // task went to another worker is not.
  bool IsAfterErasure(const TaskId& task, Offset position) const {
    if (request_.up_to == nullptr) return false;
    auto erased = request_.up_to->find(task);
    return erased != request_.up_to->end() && position >= erased->second;
  }

  ErasedKey KeyOf(const std::string& topic) const {
    return request_.up_to == nullptr ? ErasedKey::Of(*scope_.entity, scope_.key)
                                     : KeyUpTo(scope_, topic, *request_.up_to);
  }

  // Also of a view that is disabled or retired, and whose table is there.
  bool IsOfEntity(const ViewId& id) const {
    return std::ranges::any_of(scope_.views, [&](const auto& view) { return view.id == id; }) ||
           std::ranges::any_of(scope_.tables, [&](const auto& table) {
             return !table.id.is_archive() && ViewId{table.id.name, table.id.version} == id;
           });
  }

  absl::Status LookAtState() {
    ErasureFinding& finding = Add("state");
    bool seen = false;
    for (const TaskId& task : here_) {
      absl::StatusOr<std::unique_ptr<StateStore>> store =
          OpenStoreForReading(request_.loaded.config.state, task);
      if (absl::IsNotFound(store.status())) continue;
      RETURN_IF_ERROR(store.status());
      seen = true;
      ASSIGN_OR_RETURN(v1::TaskMeta meta, ReadTaskMeta(**store));
      for (const v1::StoredView& stored : meta.views()) {
        if (!IsOfEntity({stored.name(), stored.version()})) continue;
        ASSIGN_OR_RETURN(auto state, (*store)->Get(StoredPrefix(stored.id()) + scope_.key));
        if (!state) continue;
        ++finding.found;
        const bool back = IsAfterErasure(task, Offset(stored.position()));
        if (finding.verdict != ErasureVerdict::kLeft)
          finding.verdict = back ? ErasureVerdict::kBack : ErasureVerdict::kLeft;
      }
    }
    if (finding.found > 0) {
      finding.note = fmt::format("{} of the key in {}", Counted(finding.found, "state", "states"),
                                 request_.loaded.config.state.string());
    } else if (!seen && !scope_.views.empty()) {
      finding.verdict = ErasureVerdict::kUnseen;
      finding.note = "there is no state of the project on this machine: check where workers run";
    }
    return absl::OkStatus();
  }

  absl::Status LookAtChangeLogs() {
    ErasureFinding& finding = Add("change logs");
    bool here = false;
    for (const ErasureScope::Table& table : scope_.tables) {
      for (const TaskId& task : here_) {
        here = true;
        ASSIGN_OR_RETURN(int64_t rows, CountLoggedRows(request_.loaded.config.state.string(), task,
                                                       table.id, KeyOf(table.topic), Offset(-1)));
        finding.found += rows;
      }
    }
    if (finding.found > 0) {
      finding.verdict = ErasureVerdict::kLeft;
      finding.note =
          fmt::format("{} that a worker has still to put into tables: erase again when it has",
                      Counted(finding.found, "row", "rows"));
    } else if (!here && !scope_.tables.empty()) {
      finding.verdict = ErasureVerdict::kUnseen;
      finding.note = "there are none of the project on this machine: check where workers run";
    }
    return absl::OkStatus();
  }

  absl::Status LookAtTable(const std::string& name, const std::string& path, const ErasedKey& key) {
    absl::StatusOr<KeyTraces> traces = FindKeyTraces({.store = request_.warehouse,
                                                      .table = path,
                                                      .cold = request_.loaded.config.cold,
                                                      .cost = CostOf(request_.loaded.config),
                                                      .alone = request_.alone,
                                                      .now_us = absl::ToUnixMicros(absl::Now())},
                                                     key);
    if (absl::IsNotFound(traces.status())) return absl::OkStatus();
    RETURN_IF_ERROR(traces.status());
    ErasureFinding& rows = Add(name);
    rows.found = traces->rows;
    if (traces->rows > 0) {
      rows.verdict = ErasureVerdict::kLeft;
      rows.note = fmt::format("{} in {}", Counted(traces->rows, "row", "rows"),
                              Counted(traces->files, "file", "files"));
    }
    ErasureFinding& old = Add(name + " older files");
    old.found = traces->old_files + traces->unfinished;
    if (old.found > 0) {
      old.verdict = ErasureVerdict::kLeft;
      old.note = fmt::format("{} with the key that only older versions need, or none",
                             Counted(traces->old_files, "file", "files"));
      if (traces->unfinished > 0) {
        old.note += fmt::format(
            ", and {} that cannot be read and may be written just now: check again in ten minutes",
            traces->unfinished);
      }
    }
    ErasureFinding& log = Add(name + " log");
    log.found = traces->log_keys > 0 ? traces->log_keys : traces->log_hashes;
    if (traces->log_keys > 0) {
      log.named_in_log = path;
      log.verdict = ErasureVerdict::kLeft;
      log.note = fmt::format("{} have the key in statistics of another program",
                             Counted(traces->log_keys, "commit", "commits"));
    } else if (traces->log_hashes > 0) {
      log.verdict = ErasureVerdict::kLater;
      log.note = fmt::format("{} have the hash of the key, until offline.retention takes them",
                             Counted(traces->log_hashes, "commit", "commits"));
    }
    return absl::OkStatus();
  }

  // Null: there is no such topic.
  absl::StatusOr<std::unique_ptr<TopicScan>> Scan(const std::string& topic,
                                                  TopicScan::Isolation isolation) {
    absl::StatusOr<int32_t> partitions = admin_->PartitionCount(topic);
    if (absl::IsNotFound(partitions.status())) return nullptr;
    RETURN_IF_ERROR(partitions.status());
    return TopicScan::Open(*request_.kafka, topic, *partitions, request_.loaded.config.group,
                           isolation);
  }

  absl::Status LookAtUpdates(const ErasureScope::View& view) {
    const std::string topic = UpdateTopic(project_, view.id.name, view.id.version);
    ASSIGN_OR_RETURN(auto scan, Scan(topic, TopicScan::Isolation::kCommitted));
    if (scan == nullptr) return absl::OkStatus();
    int64_t records = 0;
    std::map<PartitionId, bool> newest_is_value;
    RETURN_IF_ERROR(scan->Read([&](PartitionId partition, const RawRecord& record) {
      if (record.key != scope_.key_text) return absl::OkStatus();
      ++records;
      newest_is_value[partition] = record.value.has_value();
      return absl::OkStatus();
    }));
    ErasureFinding& finding = Add("topic " + topic);
    finding.found = records;
    if (records == 0) return absl::OkStatus();
    finding.verdict = ErasureVerdict::kLater;
    finding.note = fmt::format("{} up to a tombstone, until Kafka compacts the topic",
                               Counted(records, "record", "records"));
    for (const auto& [partition, is_value] : newest_is_value) {
      if (!is_value) continue;
      // Of what an erasure was waited for, nothing is published any more.
      finding.verdict = request_.up_to == nullptr ? ErasureVerdict::kLeft : ErasureVerdict::kBack;
      finding.note =
          fmt::format("{}, the newest with values", Counted(records, "record", "records"));
    }
    return absl::OkStatus();
  }

  absl::Status LookAtRepartition(const std::string& topic) {
    ASSIGN_OR_RETURN(auto scan, Scan(topic, TopicScan::Isolation::kUncommitted));
    if (scan == nullptr) return absl::OkStatus();
    std::vector<Offset> from = scan->ends();
    auto partition = RepartitionOf(*scope_.entity, scope_.key, static_cast<int>(from.size()));
    for (size_t i = 0; i < from.size(); ++i) {
      if (!partition || partition->value() == static_cast<int32_t>(i)) from[i] = Offset(0);
    }
    return AddRecords(topic, scan.get(), from);
  }

  absl::Status LookAtDeadLetters() {
    const std::string topic = DeadLetterTopic(project_);
    ASSIGN_OR_RETURN(auto scan, Scan(topic, TopicScan::Isolation::kCommitted));
    if (scan == nullptr) return absl::OkStatus();
    return AddRecords(topic, scan.get(), std::vector<Offset>(scan->ends().size(), Offset(0)));
  }

  absl::Status AddRecords(const std::string& topic, TopicScan* scan,
                          const std::vector<Offset>& from) {
    int64_t records = 0;
    RETURN_IF_ERROR(scan->ReadFrom(from, [&](PartitionId, const RawRecord& record) {
      records += record.key == scope_.key_text ? 1 : 0;
      return absl::OkStatus();
    }));
    ErasureFinding& finding = Add("topic " + topic);
    finding.found = records;
    if (records > 0) {
      finding.verdict = ErasureVerdict::kLater;
      finding.note = fmt::format("{}, until the topic's retention removes them",
                                 Counted(records, "record", "records"));
    }
    return absl::OkStatus();
  }

  const ErasureCheckRequest& request_;
  const ErasureScope& scope_;
  const std::string project_;
  std::set<TaskId> here_;
  std::unique_ptr<KafkaAdmin> admin_;
  std::vector<ErasureFinding> findings_;
};

}  // namespace

const char* ErasureVerdictName(ErasureVerdict verdict) {
  switch (verdict) {
    case ErasureVerdict::kClean:
      return "clean";
    case ErasureVerdict::kLeft:
      return "left";
    case ErasureVerdict::kLater:
      return "later";
    case ErasureVerdict::kBack:
      return "back";
    case ErasureVerdict::kUnseen:
      return "unseen";
  }
  return "";
}

absl::StatusOr<std::vector<ErasureFinding>> CheckErasure(const ErasureCheckRequest& request) {
  return Check(request).Run();
}

}  // namespace forebay
