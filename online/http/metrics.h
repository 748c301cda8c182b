// What forebay measures about itself, for Prometheus. One table declares every metric; the text of
// /metrics and the page docs/serving.md come from it.
//
//   MetricsRegistry metrics;
//   metrics.AddCollector([&](MetricsWriter& writer) {
//     writer.Write(Metric::kConsumedRecords, {"transactions", "3"}, task.consumed());
//   });
//   std::string text = metrics.Text();
#ifndef FOREBAY_ONLINE_HTTP_METRICS_H_
#define FOREBAY_ONLINE_HTTP_METRICS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace forebay {

// In the order of the table. Per task: labels topic, partition.
enum class Metric {
  kConsumedRecords,
  kAppliedRecords,
  kFilteredRecords,
  kLateRecords,
  kDeadLetteredRecords,
  kDuplicateRecords,
  kDeadLetters,  // topic, reason, view
  kWaitingRecords,
  kOutOfOrderRecords,
  kComparedKeys,     // topic
  kMismatchingKeys,  // topic
  kSplitKeys,        // topic
  kWrittenChanges,
  kArchivedEvents,
  kWrittenUpdates,  // view, version, topic, partition
  kCoalescedSteps,  // view, version, topic, partition
  kPosition,
  kLagRecords,
  kCatchUpRecords,
  kClock,
  kClockAhead,
  kPendingExpiries,
  kHotMapKeys,
  kHotMapBytes,
  kViewCompleteFrom,  // view, version, topic, partition
  kExpressionErrors,  // view, feature
  kNanValues,         // view, feature
  kCommits,
  kCommitSeconds,
  kLastCommit,
  kChangeLogBytes,
  kCompactedRows,
  kCompactedBytes,
  kVacuumedFiles,
  kUpkeepErrors,
  kVerifiedKeys,  // view, version, result
  kLastVerify,
  kVerifyErrors,
  kFeatureDrift,  // view, version, feature, measure, training_set
  kFeatureAlert,  // likewise
  kServedRows,
  kDroppedServedRows,
  kServedLogErrors,
  kShadowErrors,
  kStoreRequests,  // kind
  kStoreRetries,
  kReady,
  kRequests,       // door, method, code
  kLookupSeconds,  // door, method
  kHttpConnections,
  kRefusedConnections,
};

enum class MetricKind { kCounter, kGauge, kHistogram };

struct MetricDefinition {
  Metric metric;
  std::string_view name;  // with Prometheus' suffixes: "_total" for counters, the base unit
  MetricKind kind;
  std::string_view unit;
  std::string_view sentence;
  std::vector<std::string_view> labels;
};

// The table: entry i is that of Metric(i).
const std::vector<MetricDefinition>& MetricDefinitions();

// The table as Markdown, as docs/serving.md has it.
std::string MetricsTable();

// Takes the samples of one scrape. Not thread-safe.
class MetricsWriter {
 public:
  // One sample of a counter or gauge; `labels` are the values of the metric's labels, in the
  // table's order, in any bytes. REQUIRES: as many as the table has.
  void Write(Metric metric, std::initializer_list<std::string_view> labels, double value);

 private:
  friend class MetricsRegistry;
  MetricsWriter();

  std::vector<std::string> samples_;  // the lines of each metric, by its number
};

// Where a request came in, and what it asked.
enum class Door { kHttp, kGrpc };
enum class Method { kGet, kBatchGet };

// Thread-safe.
class MetricsRegistry {
 public:
  using Collector = std::function<void(MetricsWriter&)>;

  // `collector` is called at each scrape, by the scraping thread, for as long as the registry
  // lives.
  void AddCollector(Collector collector);

  // Counts one answered request. Wait-free.
  void ObserveRequest(Door door, Method method, absl::StatusCode code, absl::Duration duration);

  // The text exposition, format 0.0.4; metrics without a sample are left out. `more` is one more
  // collector, for this scrape.
  std::string Text(const Collector& more = nullptr) const;

 private:
  static constexpr size_t kDoors = 2;
  static constexpr size_t kMethods = 2;
  static constexpr size_t kCodes = 17;
  static constexpr size_t kBuckets = 20;
  static constexpr size_t kShards = 8;

  struct Requests {
    std::array<std::atomic<uint64_t>, kCodes> codes{};
    std::array<std::atomic<uint64_t>, kBuckets> buckets{};
    std::atomic<uint64_t> nanoseconds{0};
  };
  // Threads count in shards of their own, so that they don't fight over cache lines.
  struct alignas(64) Shard {
    std::array<std::array<Requests, kMethods>, kDoors> requests;
  };

  void WriteRequests(MetricsWriter& writer) const;

  std::vector<Shard> shards_{kShards};  // not in place: ASan of g++ 12 misplaces 64-byte alignment
  mutable absl::Mutex mutex_;
  std::vector<Collector> collectors_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_METRICS_H_
