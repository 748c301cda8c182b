// What a worker tells /metrics.
#ifndef FOREBAY_CLI_WORKER_METRICS_H_
#define FOREBAY_CLI_WORKER_METRICS_H_

#include "cli/served_answers.h"
#include "cli/sync_watch.h"
#include "connectors/dead_letter/dead_letter_log.h"
#include "connectors/key_check/key_check.h"
#include "engine/worker/source.h"
#include "engine/worker/worker.h"
#include "offline/sink/offline_sink.h"
#include "offline/upkeep/table_upkeep.h"
#include "online/http/metrics.h"

namespace forebay {

// All are read at each scrape and outlive it. Thread-safe.
void WriteWorkerMetrics(const Worker& worker, const Source& source, const OfflineSink& offline,
                        MetricsWriter* writer);
void WriteUpkeepMetrics(const UpkeepCounters& counters, MetricsWriter* writer);

void WriteSyncMetrics(const SyncCounts& counts, MetricsWriter* writer);

// As WriteWorkerMetrics.
void WriteKeyMetrics(const KeyCheck& check, MetricsWriter* writer);

// As WriteWorkerMetrics.
void WriteServedMetrics(const ServedAnswers& served, MetricsWriter* writer);

// As WriteWorkerMetrics.
void WriteDeadLetterMetrics(const DeadLetterLog& log, MetricsWriter* writer);

// Records between the task's position and the end of its partition; 0 where that is not known yet.
int64_t LagOf(const RunningTask& task, const Source& source);

}  // namespace forebay

#endif  // FOREBAY_CLI_WORKER_METRICS_H_
