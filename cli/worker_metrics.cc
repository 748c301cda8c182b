#include "cli/worker_metrics.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>

#include "absl/time/clock.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {

int64_t LagOf(const RunningTask& task, const Source& source) {
  std::optional<Offset> end = source.KnownEnd(task.task().id());
  if (!end) return 0;
  return std::max<int64_t>(0, end->value() - 1 - task.position().value());
}

namespace {

void WriteTask(const RunningTask& running, const Source& source, MetricsWriter* writer) {
  const TaskId& id = running.task().id();
  const TaskStatistics& statistics = running.task().statistics();
  std::string partition = std::to_string(id.partition.value());
  auto write = [&](Metric metric, int64_t value) {
    writer->Write(metric, {id.topic, partition}, static_cast<double>(value));
  };
  write(Metric::kConsumedRecords, statistics.consumed);
  write(Metric::kAppliedRecords, statistics.applied);
  write(Metric::kFilteredRecords, statistics.filtered);
  write(Metric::kLateRecords, statistics.late);
  write(Metric::kDeadLetteredRecords, statistics.dead_lettered);
  write(Metric::kDuplicateRecords, statistics.duplicate);
  write(Metric::kWaitingRecords, statistics.waiting);
  write(Metric::kOutOfOrderRecords, statistics.forced);
  write(Metric::kWrittenChanges, statistics.changes);
  if (running.task().plan().archive) write(Metric::kArchivedEvents, statistics.archived);
  write(Metric::kPosition, running.position().value());
  write(Metric::kLagRecords, LagOf(running, source));
  write(Metric::kCatchUpRecords, running.to_catch_up());
  write(Metric::kPendingExpiries, statistics.due_steps);
  write(Metric::kHotMapKeys, statistics.hot_keys);
  write(Metric::kHotMapBytes, statistics.hot_bytes);
  if (auto clock = running.task().clock()) {
    double seconds = static_cast<double>(clock->value()) / 1e6;
    double now = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
    writer->Write(Metric::kClock, {id.topic, partition}, seconds);
    writer->Write(Metric::kClockAhead, {id.topic, partition}, std::max(seconds - now, 0.0));
  }
}

void WriteUpdates(const RunningTask& running, MetricsWriter* writer) {
  const Task& task = running.task();
  std::string partition = std::to_string(task.id().partition.value());
  for (size_t i = 0; i < task.view_statistics().size(); ++i) {
    const v1::FeatureView& view = *task.plan().views[i].definition;
    if (view.updates() == v1::FeatureView::OFF) continue;
    std::string version = std::to_string(view.version());
    auto write = [&](Metric metric, int64_t value) {
      writer->Write(metric, {view.name(), version, task.id().topic, partition},
                    static_cast<double>(value));
    };
    write(Metric::kWrittenUpdates, task.view_statistics()[i].written_updates);
    write(Metric::kCoalescedSteps, task.view_statistics()[i].coalesced_steps);
  }
}

// Only where a view lacks records.
void WriteCoverage(const RunningTask& running, MetricsWriter* writer) {
  const TaskId& id = running.task().id();
  for (const ViewCoverage& coverage : running.task().coverage()) {
    int64_t complete_from = coverage.complete_from.load(std::memory_order_relaxed);
    if (complete_from == Window::kAlways) continue;
    double seconds = complete_from == PartStart::kNoRecordYet
                         ? std::numeric_limits<double>::infinity()
                         : static_cast<double>(complete_from) / 1e6;
    writer->Write(Metric::kViewCompleteFrom,
                  {coverage.view, std::to_string(coverage.version), id.topic,
                   std::to_string(id.partition.value())},
                  seconds);
  }
}

// Of all tasks together.
void WriteExpressions(const Worker& worker, MetricsWriter* writer) {
  struct Counts {
    int64_t errors = 0;
    int64_t nan_values = 0;
  };
  std::map<std::pair<std::string, std::string>, Counts> totals;
  for (const auto& task : worker.Tasks()) {
    for (const ExpressionStatistics& expression : task->task().expression_statistics()) {
      Counts& counts = totals[{expression.view, expression.feature}];
      counts.errors += expression.errors;
      counts.nan_values += expression.nan_values;
    }
  }
  for (const auto& [name, counts] : totals) {
    const auto& [view, feature] = name;
    writer->Write(Metric::kExpressionErrors, {view, feature}, static_cast<double>(counts.errors));
    writer->Write(Metric::kNanValues, {view, feature}, static_cast<double>(counts.nan_values));
  }
}

// Where the warehouse is no bucket, nothing.
void WriteStoreRequests(const RequestCounts& counts, MetricsWriter* writer) {
  if (counts.total() == 0) return;
  for (size_t kind = 0; kind < kRequestKindNames.size(); ++kind) {
    writer->Write(Metric::kStoreRequests, {kRequestKindNames[kind]},
                  static_cast<double>(counts.by_kind[kind]));
  }
  writer->Write(Metric::kStoreRetries, {}, static_cast<double>(counts.retries));
}

}  // namespace

void WriteWorkerMetrics(const Worker& worker, const Source& source, const OfflineSink& offline,
                        MetricsWriter* writer) {
  for (const auto& task : worker.Tasks()) {
    WriteTask(*task, source, writer);
    WriteUpdates(*task, writer);
    WriteCoverage(*task, writer);
  }
  WriteExpressions(worker, writer);
  const WorkerStatistics& statistics = worker.statistics();
  writer->Write(Metric::kCommits, {}, static_cast<double>(statistics.commits));
  writer->Write(Metric::kCommitSeconds, {}, static_cast<double>(statistics.commit_micros) / 1e6);
  if (statistics.last_commit != 0) {
    writer->Write(Metric::kLastCommit, {}, static_cast<double>(statistics.last_commit) / 1e6);
  }
  writer->Write(Metric::kChangeLogBytes, {}, static_cast<double>(offline.pending_bytes()));
  WriteStoreRequests(offline.store_requests(), writer);
  writer->Write(Metric::kReady, {}, worker.Ready().ok() ? 1 : 0);
}

void WriteUpkeepMetrics(const UpkeepCounters& counters, MetricsWriter* writer) {
  writer->Write(Metric::kCompactedRows, {}, static_cast<double>(counters.rows_compacted));
  writer->Write(Metric::kCompactedBytes, {}, static_cast<double>(counters.bytes_compacted));
  writer->Write(Metric::kVacuumedFiles, {}, static_cast<double>(counters.files_removed));
  writer->Write(Metric::kUpkeepErrors, {}, static_cast<double>(counters.errors));
}

void WriteSyncMetrics(const SyncCounts& counts, MetricsWriter* writer) {
  for (const auto& [view, keys] : counts.views) {
    const std::string version = std::to_string(view.version);
    auto write = [&](std::string_view result, int64_t count) {
      writer->Write(Metric::kVerifiedKeys, {view.name, version, result},
                    static_cast<double>(count));
    };
    write("equal", keys.equal);
    write("differing", keys.differing);
    write("moving", keys.moving);
  }
  if (counts.last) {
    writer->Write(Metric::kLastVerify, {}, absl::ToDoubleSeconds(*counts.last - absl::UnixEpoch()));
  }
  writer->Write(Metric::kVerifyErrors, {}, static_cast<double>(counts.errors));
}

void WriteServedMetrics(const ServedAnswers& served, MetricsWriter* writer) {
  const ServedLog::Counts counts = served.counts();
  writer->Write(Metric::kServedRows, {}, static_cast<double>(counts.written));
  writer->Write(Metric::kDroppedServedRows, {}, static_cast<double>(counts.dropped));
  writer->Write(Metric::kServedLogErrors, {}, static_cast<double>(counts.errors));
  writer->Write(Metric::kShadowErrors, {}, static_cast<double>(served.shadow_errors()));
}

void WriteDeadLetterMetrics(const DeadLetterLog& log, MetricsWriter* writer) {
  for (const DeadLetterCount& letters : log.Counts()) {
    writer->Write(Metric::kDeadLetters,
                  {letters.kind.topic, RejectReasonName(letters.kind.reason), letters.kind.view},
                  static_cast<double>(letters.count));
  }
}

void WriteKeyMetrics(const KeyCheck& check, MetricsWriter* writer) {
  for (const KeyStatistics& topic : check.Statistics()) {
    writer->Write(Metric::kComparedKeys, {topic.topic}, static_cast<double>(topic.compared));
    writer->Write(Metric::kMismatchingKeys, {topic.topic}, static_cast<double>(topic.mismatching));
    writer->Write(Metric::kSplitKeys, {topic.topic}, static_cast<double>(topic.split));
  }
}

}  // namespace forebay
