#include "online/http/metrics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace forebay {
namespace {

// Upper bounds of the buckets of kLookupSeconds, in seconds; the last is infinite.
constexpr std::array<double, 20> kBounds = {
    10e-6,  20e-6, 50e-6,  100e-6, 200e-6,
    500e-6, 1e-3,  2e-3,   5e-3,   10e-3,
    20e-3,  50e-3, 100e-3, 200e-3, 500e-3,
    1,      2,     5,      10,     std::numeric_limits<double>::infinity()};

constexpr std::array<std::string_view, 2> kDoorNames = {"http", "grpc"};
constexpr std::array<std::string_view, 2> kMethodNames = {"get", "batch_get"};

std::string_view KindName(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return "counter";
    case MetricKind::kGauge:
      return "gauge";
    case MetricKind::kHistogram:
      return "histogram";
  }
  return "untyped";
}

std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  // Counts in full: "12000000", not "1.2e+07".
  if (value == std::floor(value) && std::abs(value) < 1e15) return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

void AppendEscaped(std::string_view value, std::string* out) {
  for (char c : value) {
    if (c == '\n') {
      *out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') *out += '\\';
    *out += c;
  }
}

// `{a="x",b="y"}`, or nothing.
std::string Labels(const std::vector<std::string_view>& names,
                   absl::Span<const std::string_view> values) {
  if (names.empty()) return "";
  std::string text = "{";
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += ',';
    text += names[i];
    text += "=\"";
    AppendEscaped(values[i], &text);
    text += '"';
  }
  return text + "}";
}

size_t ShardOfThisThread(size_t shards) {
  static std::atomic<size_t> next{0};
  thread_local const size_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine % shards;
}

const MetricDefinition& Definition(Metric metric) {
  return MetricDefinitions()[static_cast<size_t>(metric)];
}

}  // namespace

const std::vector<MetricDefinition>& MetricDefinitions() {
  using enum MetricKind;
  using Labels = std::vector<std::string_view>;
  static const Labels task = {"topic", "partition"};
  static const Labels source = {"topic"};
  static const Labels letter = {"topic", "reason", "view"};
  static const Labels feature = {"view", "feature"};
  static const Labels view = {"view", "version", "topic", "partition"};
  static const auto* definitions = new std::vector<MetricDefinition>{
      {Metric::kConsumedRecords, "forebay_consumed_records_total", kCounter, "records",
       "Records read; the sum of the five below.", task},
      {Metric::kAppliedRecords, "forebay_applied_records_total", kCounter, "records",
       "Records that changed the state of at least one view.", task},
      {Metric::kFilteredRecords, "forebay_filtered_records_total", kCounter, "records",
       "Records that no view's `where` let through.", task},
      {Metric::kLateRecords, "forebay_late_records_total", kCounter, "records",
       "Records that no window of a view could still take; dead-lettered.", task},
      {Metric::kDeadLetteredRecords, "forebay_dead_lettered_records_total", kCounter, "records",
       "Records that do not decode, have no valid time or no key, lie in the future, or are too "
       "large for a repartition topic.",
       task},
      {Metric::kDuplicateRecords, "forebay_duplicate_records_total", kCounter, "records",
       "Records of a repartition topic that were there before.", task},
      {Metric::kDeadLetters, "forebay_dead_letters_total", kCounter, "letters",
       "Dead letters made since the start; without a view where the record was rejected before "
       "any. "
       "An update that is too large for its topic is one, though its record was applied.",
       letter},
      {Metric::kWaitingRecords, "forebay_waiting_records", kGauge, "records",
       "Records of a repartition topic that wait for earlier ones of other source partitions.",
       task},
      {Metric::kOutOfOrderRecords, "forebay_out_of_order_records_total", kCounter, "records",
       "Records applied before their turn, as too many waited: their order may differ in a replay.",
       task},
      {Metric::kComparedKeys, "forebay_compared_keys_total", kCounter, "records",
       "Records whose key was compared with the columns of their source's `key`: a sample.",
       source},
      {Metric::kMismatchingKeys, "forebay_mismatching_keys_total", kCounter, "records",
       "Of those, records whose key is not that of their columns, while others' are.", source},
      {Metric::kSplitKeys, "forebay_split_keys_total", kCounter, "records",
       "Records of a sample whose key is in two partitions: its features lack events.", source},
      {Metric::kWrittenChanges, "forebay_written_changes_total", kCounter, "changes",
       "Change records made, of events and of expiries.", task},
      {Metric::kArchivedEvents, "forebay_archived_events_total", kCounter, "events",
       "Events made into rows of their archive; only of sources that have one.", task},
      {Metric::kWrittenUpdates, "forebay_written_updates_total", kCounter, "updates",
       "Records given to the update topic; only of views that have one.", view},
      {Metric::kCoalescedSteps, "forebay_coalesced_steps_total", kCounter, "steps",
       "Steps that are no record of the update topic, as a newer one of their key came before the "
       "commit; likewise.",
       view},
      {Metric::kPosition, "forebay_position", kGauge, "offset",
       "Offset of the last record applied.", task},
      {Metric::kLagRecords, "forebay_lag_records", kGauge, "records",
       "Records in the partition that are not applied yet.", task},
      {Metric::kCatchUpRecords, "forebay_catch_up_records", kGauge, "records",
       "Of those that the partition held when the worker got it, records that are not applied yet; "
       "0 once it has caught up.",
       task},
      {Metric::kClock, "forebay_clock_seconds", kGauge, "seconds",
       "The partition clock, in seconds since 1970.", task},
      {Metric::kClockAhead, "forebay_clock_ahead_seconds", kGauge, "seconds",
       "How far the partition clock is ahead of the worker's; else 0.", task},
      {Metric::kPendingExpiries, "forebay_pending_expiries", kGauge, "steps",
       "Expiry steps that are due and not written yet; of keys beyond 256 of a view that have "
       "some, "
       "one each.",
       task},
      {Metric::kHotMapKeys, "forebay_hot_map_keys", kGauge, "keys",
       "Keys whose state is decoded in memory.", task},
      {Metric::kHotMapBytes, "forebay_hot_map_bytes", kGauge, "bytes", "Memory that they take.",
       task},
      {Metric::kViewCompleteFrom, "forebay_view_complete_from_seconds", kGauge, "seconds",
       "From when on a view has all records, in seconds since 1970; only where the topic no longer "
       "held its beginning, or the view was started with --from-now. +Inf: no record yet.",
       view},
      {Metric::kExpressionErrors, "forebay_expression_errors_total", kCounter, "values",
       "Values that a run-time error (x/0, overflow, failed cast) made null.", feature},
      {Metric::kNanValues, "forebay_nan_values_total", kCounter, "values",
       "Values that were not a number, and counted as null.", feature},
      {Metric::kCommits,
       "forebay_commits_total",
       kCounter,
       "commits",
       "Commits: sinks first, then the state.",
       {}},
      {Metric::kCommitSeconds,
       "forebay_commit_seconds_total",
       kCounter,
       "seconds",
       "Time that they took.",
       {}},
      {Metric::kLastCommit,
       "forebay_last_commit_timestamp_seconds",
       kGauge,
       "seconds",
       "When the last commit ended, in seconds since 1970.",
       {}},
      {Metric::kChangeLogBytes,
       "forebay_change_log_bytes",
       kGauge,
       "bytes",
       "Size of the change log: what is not in the offline tables yet.",
       {}},
      {Metric::kCompactedRows,
       "forebay_compacted_rows_total",
       kCounter,
       "rows",
       "Rows of offline tables that were rewritten into larger files.",
       {}},
      {Metric::kCompactedBytes,
       "forebay_compacted_bytes_total",
       kCounter,
       "bytes",
       "Size of the files that they were rewritten into.",
       {}},
      {Metric::kVacuumedFiles,
       "forebay_vacuumed_files_total",
       kCounter,
       "files",
       "Files that were removed from offline tables, as no version needs them any more.",
       {}},
      {Metric::kUpkeepErrors,
       "forebay_upkeep_errors_total",
       kCounter,
       "rounds",
       "Rounds of upkeep that failed for some offline table.",
       {}},
      {Metric::kVerifiedKeys,
       "forebay_verified_keys",
       kGauge,
       "keys",
       "Keys of which state, update topic and table were compared last, by what came out: equal, "
       "differing, moving; only with `verify.every`.",
       {"view", "version", "result"}},
      {Metric::kLastVerify,
       "forebay_last_verify_timestamp_seconds",
       kGauge,
       "seconds",
       "When that ended, in seconds since 1970.",
       {}},
      {Metric::kVerifyErrors,
       "forebay_verify_errors_total",
       kCounter,
       "comparisons",
       "Comparisons that could not be made.",
       {}},
      {Metric::kFeatureDrift,
       "forebay_feature_drift",
       kGauge,
       "",
       "Of a feature with `alerts`, how far its values of the last days have moved: null_rate, psi "
       "or jensen_shannon; the last two from the training set of a model that an alias stands for.",
       {"view", "version", "feature", "measure", "training_set"}},
      {Metric::kFeatureAlert,
       "forebay_feature_alert",
       kGauge,
       "0 or 1",
       "1 where that is above the limit of the definition, else 0.",
       {"view", "version", "feature", "measure", "training_set"}},
      {Metric::kServedRows,
       "forebay_served_log_rows_total",
       kCounter,
       "rows",
       "Of answers that are kept, written to the tables of what was served.",
       {}},
      {Metric::kDroppedServedRows,
       "forebay_served_log_dropped_rows_total",
       kCounter,
       "rows",
       "Of answers that were to be kept and are not: there was no room, or no table that has their "
       "columns.",
       {}},
      {Metric::kServedLogErrors,
       "forebay_served_log_errors_total",
       kCounter,
       "writes",
       "To the tables of what was served, that failed; where the store is away, they are repeated.",
       {}},
      {Metric::kShadowErrors,
       "forebay_shadow_errors_total",
       kCounter,
       "questions",
       "To shadows of models, without an answer.",
       {}},
      {Metric::kStoreRequests,
       "forebay_object_store_requests_total",
       kCounter,
       "requests",
       "To the bucket of the warehouse, by what for: read, write, commit, list, delete.",
       {"kind"}},
      {Metric::kStoreRetries,
       "forebay_object_store_retries_total",
       kCounter,
       "requests",
       "Tries of these after the first.",
       {}},
      {Metric::kReady, "forebay_ready", kGauge, "0 or 1", "Whether /readyz answers 200.", {}},
      {Metric::kRequests,
       "forebay_requests_total",
       kCounter,
       "requests",
       "Lookups answered, by code of the answer.",
       {"door", "method", "code"}},
      {Metric::kLookupSeconds,
       "forebay_lookup_seconds",
       kHistogram,
       "seconds",
       "Time from a request decoded from the network to its answer made.",
       {"door", "method"}},
      {Metric::kHttpConnections,
       "forebay_http_connections",
       kGauge,
       "connections",
       "Open HTTP connections.",
       {}},
      {Metric::kRefusedConnections,
       "forebay_refused_connections_total",
       kCounter,
       "connections",
       "Connections that were closed at once, as too many were open.",
       {"door"}},
  };
  return *definitions;
}

std::string MetricsTable() {
  std::string table = "| metric | kind | unit | labels | what |\n|---|---|---|---|---|\n";
  for (const MetricDefinition& metric : MetricDefinitions()) {
    table += fmt::format("| `{}` | {} | {} | {} | {} |\n", metric.name, KindName(metric.kind),
                         metric.unit, fmt::join(metric.labels, ", "), metric.sentence);
  }
  return table;
}

MetricsWriter::MetricsWriter() : samples_(MetricDefinitions().size()) {}

void MetricsWriter::Write(Metric metric, std::initializer_list<std::string_view> labels,
                          double value) {
  const MetricDefinition& definition = Definition(metric);
  assert(definition.kind != MetricKind::kHistogram);
  assert(labels.size() == definition.labels.size());
  samples_[static_cast<size_t>(metric)] +=
      fmt::format("{}{} {}\n", definition.name, Labels(definition.labels, labels), Number(value));
}

void MetricsRegistry::AddCollector(Collector collector) {
  absl::MutexLock lock(&mutex_);
  collectors_.push_back(std::move(collector));
}

void MetricsRegistry::ObserveRequest(Door door, Method method, absl::StatusCode code,
                                     absl::Duration duration) {
  static_assert(kBounds.size() == kBuckets);
  static_assert(kDoorNames.size() == kDoors && kMethodNames.size() == kMethods);
  Requests& requests = shards_[ShardOfThisThread(kShards)]
                           .requests[static_cast<size_t>(door)][static_cast<size_t>(method)];
  double seconds = absl::ToDoubleSeconds(duration);
  auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin();
  auto number = static_cast<size_t>(code);
  if (number >= kCodes) number = static_cast<size_t>(absl::StatusCode::kUnknown);
  requests.codes[number].fetch_add(1, std::memory_order_relaxed);
  requests.buckets[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  requests.nanoseconds.fetch_add(static_cast<uint64_t>(absl::ToInt64Nanoseconds(duration)),
                                 std::memory_order_relaxed);
}

void MetricsRegistry::WriteRequests(MetricsWriter& writer) const {
  std::string& histogram = writer.samples_[static_cast<size_t>(Metric::kLookupSeconds)];
  const MetricDefinition& definition = Definition(Metric::kLookupSeconds);
  for (size_t door = 0; door < kDoors; ++door) {
    for (size_t method = 0; method < kMethods; ++method) {
      auto sum = [&](auto&& count) {
        uint64_t total = 0;
        for (const Shard& shard : shards_) {
          total += count(shard.requests[door][method]).load(std::memory_order_relaxed);
        }
        return total;
      };
      std::string_view door_name = kDoorNames[door], method_name = kMethodNames[method];
      for (size_t code = 0; code < kCodes; ++code) {
        uint64_t count = sum([&](const Requests& r) -> auto& { return r.codes[code]; });
        if (count == 0) continue;
        std::string name = absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
        writer.Write(Metric::kRequests, {door_name, method_name, name}, static_cast<double>(count));
      }
      uint64_t total = 0;
      for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
        total += sum([&](const Requests& r) -> auto& { return r.buckets[bucket]; });
        histogram +=
            fmt::format("{}_bucket{{door=\"{}\",method=\"{}\",le=\"{}\"}} {}\n", definition.name,
                        door_name, method_name, Number(kBounds[bucket]), total);
      }
      uint64_t nanoseconds = sum([](const Requests& r) -> auto& { return r.nanoseconds; });
      std::string labels = Labels(definition.labels, {door_name, method_name});
      histogram += fmt::format("{}_sum{} {}\n{}_count{} {}\n", definition.name, labels,
                               Number(static_cast<double>(nanoseconds) / 1e9), definition.name,
                               labels, total);
    }
  }
}

std::string MetricsRegistry::Text(const Collector& more) const {
  MetricsWriter writer;
  WriteRequests(writer);
  if (more) more(writer);
  {
    absl::MutexLock lock(&mutex_);
    for (const Collector& collector : collectors_) collector(writer);
  }
  std::string text;
  for (const MetricDefinition& metric : MetricDefinitions()) {
    const std::string& samples = writer.samples_[static_cast<size_t>(metric.metric)];
    if (samples.empty()) continue;
    text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", metric.name, metric.sentence, metric.name,
                        KindName(metric.kind));
    text += samples;
  }
  return text;
}

}  // namespace forebay
