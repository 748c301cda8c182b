#include "cli/worker_metrics.h"

#include <algorithm>
#include <string>

namespace forebay {

int64_t LagOf(const RunningTask& task, const KafkaConsumer& consumer) {
  std::optional<Watermarks> watermarks = consumer.CachedWatermarks(task.task().id());
  if (!watermarks) return 0;
  return std::max<int64_t>(0, watermarks->high.value() - 1 - task.position().value());
}

namespace {

void WriteTask(const RunningTask& running, const KafkaConsumer& consumer, MetricsWriter* writer) {
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
  write(Metric::kWrittenChanges, statistics.changes);
  write(Metric::kPosition, running.position().value());
  write(Metric::kLagRecords, LagOf(running, consumer));
  write(Metric::kPendingExpiries, statistics.pending_steps);
  write(Metric::kHotMapBytes, statistics.hot_bytes);
  if (auto clock = running.task().clock()) {
    writer->Write(Metric::kClock, {id.topic, partition}, static_cast<double>(clock->value()) / 1e6);
  }
}

}  // namespace

void WriteWorkerMetrics(const Worker& worker, const KafkaConsumer& consumer,
                        const OfflineSink& offline, MetricsWriter* writer) {
  for (const auto& task : worker.Tasks()) WriteTask(*task, consumer, writer);
  const WorkerStatistics& statistics = worker.statistics();
  writer->Write(Metric::kCommits, {}, static_cast<double>(statistics.commits));
  writer->Write(Metric::kCommitSeconds, {}, static_cast<double>(statistics.commit_micros) / 1e6);
  writer->Write(Metric::kChangeLogBytes, {}, static_cast<double>(offline.pending_bytes()));
  writer->Write(Metric::kReady, {}, worker.Ready().ok() ? 1 : 0);
}

}  // namespace forebay
