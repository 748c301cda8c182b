#include "offline/training_set/table_join.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "offline/delta/arrow_file.h"
#include "offline/delta/data_file.h"
#include "offline/delta/file_pruning.h"
#include "offline/delta/table_range.h"
#include "offline/sink/table_flush.h"
#include "offline/training_set/exact_rows.h"
#include "offline/training_set/label_index.h"
#include "offline/training_set/label_warnings.h"
#include "offline/training_set/point_in_time_join.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

absl::Status ExplainDataFile(const ObjectStore& store, const std::string& table,
                             const std::string& path, std::string what) {
  if (auto file = OpenDataFile(store, table, path); file.ok()) {
    std::string page = FindDamagedPage(*std::move(file));
    if (!page.empty()) what = fmt::format("{}: {}", page, what);
  }
  return UnusableDataFile(store, table, path, what);
}

// Whether the file may have a row of one of the keys; nullopt: of any.
bool HoldsKey(const AddAction& file, const std::optional<std::vector<int64_t>>& key_hashes) {
  const std::optional<int64_t> least = NumberTag(file, kKeyHashMinTag);
  const std::optional<int64_t> greatest = NumberTag(file, kKeyHashMaxTag);
  return !key_hashes || !least || !greatest || AnyWithin(*key_hashes, *least, *greatest);
}

// Labels before what the table has: its first row, or the range that it was computed for; then also
// those after.
absl::Status TellOfBounds(const Snapshot& snapshot, int64_t first_row,
                          const TableJoinRequest& request) {
  const std::string view = request.view.ToString();
  const Labels& labels = *request.labels;
  ASSIGN_OR_RETURN(const std::optional<TimeRange> range, RangeOf(snapshot));
  if (range) {
    AddSentence(WarnOfLabelsBeforeRange(*range, view, labels), request.warnings);
    AddSentence(WarnOfLabelsAfterRange(*range, view, labels), request.warnings);
  } else if (first_row != INT64_MAX) {
    AddSentence(WarnOfLabelsBefore(first_row, view, labels), request.warnings);
  }
  return absl::OkStatus();
}

// Of a range, up to its end: nothing more is to come, and what lies behind is told.
bool IsWholeRange(const Snapshot& snapshot, std::optional<int64_t> complete_before) {
  const auto range = RangeOf(snapshot);
  return range.ok() && *range && complete_before.value_or((*range)->to) >= (*range)->to;
}

// The files of a table as of `snapshot`, as far as labels need them.
absl::Status ReadTable(const ObjectStore& store, const std::string& table, const Snapshot& snapshot,
                       const TableJoinRequest& request, std::optional<Lease>* lease,
                       PointInTimeJoin* join, TrainingSetSummary::View* summary) {
  const Labels& labels = *request.labels;
  KnownTime latest = labels.times.empty()
                         ? KnownTime::Min()
                         : *std::max_element(labels.times.begin(), labels.times.end());
  int64_t first = INT64_MAX;  // of the rows, as far as labels can be before it
  std::vector<std::string> paths;
  for (const auto& [path, file] : snapshot.files) {
    const int64_t start = std::max(NumberTag(file, kEffectiveMinTag).value_or(INT64_MIN),
                                   StartOfDate(file).value_or(INT64_MIN));
    if (start <= latest.value() && HoldsKey(file, request.key_hashes)) {
      paths.push_back(path);
      continue;
    }
    first = std::min(first, start);
    ++summary->files_skipped;
  }
  const std::string what = "reading " + request.view.ToString();
  int64_t total = 0;
  for (const std::string& file : paths) total += RowsOf(snapshot.files.at(file)).value_or(0);
  int64_t done = 0;
  auto open = [&](size_t i) -> absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> {
    auto file = OpenDataFile(store, table, paths[i]);
    if (absl::IsNotFound(file.status()))
      return ExplainMissingFile(store, table, snapshot, paths[i]);
    return file;
  };
  RETURN_IF_ERROR(
      join->AddFiles({.count = paths.size(),
                      .table = snapshot.schema,
                      .open = open,
                      .explain =
                          [&store, table, paths](size_t i, const std::string& what) {
                            return ExplainDataFile(store, table, paths[i], what);
                          },
                      .progress =
                          [&](int64_t rows) {
                            if (lease->has_value())
                              (*lease)->Renew(absl::ToUnixMicros(absl::Now())).IgnoreError();
                            done += rows;
                            if (request.progress) request.progress(what, done, total);
                          }}));
  summary->files_read = paths.size();
  first = std::min(first, join->first_time());
  return TellOfBounds(snapshot, first, request);
}

// The table is there for this join alone: what counts is what it was computed from.
void TellOfEvents(const EventsRead& events, const TableJoinRequest& request,
                  TrainingSetSummary::View* summary) {
  summary->complete_before = events.last;
  if (events.last) {
    AddSentence(WarnOfLabelsAfterEvents(*events.last, events.source, *request.labels),
                request.warnings);
    return;
  }
  AddSentence(fmt::format("there are no events of {}: the features of {} have their defaults",
                          events.source, request.view.ToString()),
              request.warnings);
}

}  // namespace

absl::StatusOr<JoinedTable> JoinTable(const std::shared_ptr<ObjectStore>& store,
                                      const TableJoinRequest& request, PointInTimeJoin* join) {
  JoinedTable joined{.summary = {.name = request.view.name, .version = request.view.version}};
  const std::string name = request.view.ToString();
  std::string path = OfflineTablePath(request.view);
  absl::StatusOr<Snapshot> table = LoadSnapshotAt(*store, path, request.version);
  Snapshot snapshot;
  if (table.ok()) {
    snapshot = *std::move(table);
    // Who may not write there reads without a lease.
    absl::StatusOr<Lease> lease =
        Lease::Take(store, path, snapshot.timestamp_ms, absl::ToUnixMicros(absl::Now()));
    if (lease.ok()) joined.lease.emplace(*std::move(lease));
    CrashPoint("training_set.leased");
    if (request.version.IsNewest())
      RETURN_IF_ERROR(RefreshSnapshot(*store, path, std::nullopt, &snapshot));
    RETURN_IF_ERROR(
        ReadTable(*store, path, snapshot, request, &joined.lease, join, &joined.summary));
  } else if (!absl::IsNotFound(table.status()) || !request.version.IsNewest()) {
    return table.status();
  } else if (request.exact == nullptr) {
    request.warnings->push_back(
        fmt::format("there is no offline table of {} in {} yet: its features have "
                    "their defaults",
                    name, store->Describe(path)));
    join->FindRows();
    return joined;
  }
  ExactRows exact;
  if (request.exact != nullptr) {
    ASSIGN_OR_RETURN(exact, AddExactRows(*request.exact, snapshot, *request.labels, join));
    joined.summary.from_state = exact.added;
  }
  join->FindRows();
  if (request.events != nullptr) {
    TellOfEvents(*request.events, request, &joined.summary);
    return joined;
  }
  joined.summary.table_version = snapshot.version;
  joined.summary.table_id = snapshot.metadata.id;
  joined.summary.positions = PositionsOf(request.project, request.view, snapshot);
  joined.summary.complete_before = CompleteBefore(snapshot);
  if (request.exact == nullptr && IsWholeRange(snapshot, joined.summary.complete_before))
    return joined;
  AddSentence(request.exact == nullptr
                  ? WarnOfIncompleteTable(snapshot, name, *request.labels)
                  : WarnOfLabelsAfterState(exact.read_before, exact.slowest, name, *request.labels),
              request.warnings);
  return joined;
}

}  // namespace forebay
