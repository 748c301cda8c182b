#include "offline/training_set/table_join.h"

#include <arrow/api.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "offline/delta/arrow_file.h"
#include "offline/delta/data_file.h"
#include "offline/delta/table_column.h"
#include "offline/sink/table_flush.h"
#include "offline/training_set/exact_rows.h"
#include "offline/training_set/label_warnings.h"
#include "offline/training_set/point_in_time_join.h"
#include "offline/upkeep/lease.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// Feeds the needed columns of one data file to the join.
arrow::Status ReadFile(std::shared_ptr<arrow::io::RandomAccessFile> file,
                       const arrow::Schema& table, PointInTimeJoin* join, int64_t* rows_read,
                       absl::Status* join_status) {
  ARROW_ASSIGN_OR_RAISE(auto reader, OpenParquet(std::move(file)));
  std::shared_ptr<arrow::Schema> schema;
  ARROW_RETURN_NOT_OK(reader->GetSchema(&schema));
  std::vector<int> columns;
  for (const std::string& name : join->NeededColumns()) {
    int index = schema->GetFieldIndex(name);
    if (index >= 0) columns.push_back(index);
  }
  std::vector<int> row_groups(reader->num_row_groups());
  for (size_t i = 0; i < row_groups.size(); ++i) row_groups[i] = i;
  ARROW_ASSIGN_OR_RAISE(auto batches, reader->GetRecordBatchReader(row_groups, columns));
  while (true) {
    std::shared_ptr<arrow::RecordBatch> rows;
    ARROW_RETURN_NOT_OK(batches->ReadNext(&rows));
    if (rows == nullptr) return arrow::Status::OK();
    *rows_read += rows->num_rows();
    ARROW_ASSIGN_OR_RAISE(rows, AsTableColumns(rows, table));
    *join_status = join->Add(std::move(rows));
    if (!join_status->ok()) return arrow::Status::OK();
  }
}

absl::Status ReadDataFile(const ObjectStore& store, const std::string& table,
                          const Snapshot& snapshot, const std::string& path, PointInTimeJoin* join,
                          int64_t* rows_read) {
  absl::Status status;
  std::string what;
  try {
    auto file = OpenDataFile(store, table, path);
    if (file.ok()) {
      arrow::Status read = ReadFile(*file, *snapshot.schema, join, rows_read, &status);
      if (read.ok() && status.ok()) return status;
      what = read.ok() ? std::string(status.message()) : read.message();
    } else if (absl::IsNotFound(file.status())) {
      return ExplainMissingFile(store, table, snapshot, path);
    } else {
      return file.status();
    }
  } catch (const std::exception& e) {
    what = e.what();
  }
  if (auto file = OpenDataFile(store, table, path); file.ok()) {
    std::string page = FindDamagedPage(*std::move(file));
    if (!page.empty()) what = fmt::format("{}: {}", page, what);
  }
  return UnusableDataFile(store, table, path, what);
}

// The files of a table as of `snapshot`, as far as labels need them.
absl::Status ReadTable(const ObjectStore& store, const std::string& path, const Snapshot& snapshot,
                       const TableJoinRequest& request, Lease* lease, PointInTimeJoin* join,
                       TrainingSetSummary::View* summary) {
  const Labels& labels = *request.labels;
  KnownTime latest = labels.times.empty()
                         ? KnownTime::Min()
                         : *std::max_element(labels.times.begin(), labels.times.end());
  int64_t first = INT64_MAX;  // of the rows, as far as labels can be before it
  for (const auto& [file_path, file] : snapshot.files) {
    if (std::optional<int64_t> start = StartOfDate(file); start && *start > latest.value()) {
      first = std::min(first, *start);
      ++summary->files_skipped;
      continue;
    }
    if (lease != nullptr) lease->Renew(absl::ToUnixMicros(absl::Now())).IgnoreError();
    RETURN_IF_ERROR(ReadDataFile(store, path, snapshot, file_path, join, &summary->rows_read));
    ++summary->files_read;
  }
  first = std::min(first, join->first_effective_time());
  if (first != INT64_MAX)
    AddSentence(WarnOfLabelsBefore(first, request.view.ToString(), labels), request.warnings);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TrainingSetSummary::View> JoinTable(const std::shared_ptr<ObjectStore>& store,
                                                   const TableJoinRequest& request,
                                                   PointInTimeJoin* join) {
  TrainingSetSummary::View summary{.name = request.view.name, .version = request.view.version};
  const std::string name = request.view.ToString();
  std::string path = OfflineTablePath(request.view);
  absl::StatusOr<Snapshot> table = LoadSnapshotAt(*store, path, request.version);
  Snapshot snapshot;
  if (table.ok()) {
    snapshot = *std::move(table);
    // Who may not write there reads without a lease.
    absl::StatusOr<Lease> lease =
        Lease::Take(store, path, snapshot.timestamp_ms, absl::ToUnixMicros(absl::Now()));
    CrashPoint("training_set.leased");
    if (request.version.IsNewest())
      RETURN_IF_ERROR(RefreshSnapshot(*store, path, std::nullopt, &snapshot));
    RETURN_IF_ERROR(
        ReadTable(*store, path, snapshot, request, lease.ok() ? &*lease : nullptr, join, &summary));
  } else if (!absl::IsNotFound(table.status()) || !request.version.IsNewest()) {
    return table.status();
  } else if (request.exact == nullptr) {
    request.warnings->push_back(
        fmt::format("there is no offline table of {} in {} yet: its features have "
                    "their defaults",
                    name, store->Describe(path)));
    return summary;
  }
  summary.table_version = snapshot.version;
  if (request.exact == nullptr) {
    AddSentence(WarnOfIncompleteTable(snapshot, name, *request.labels), request.warnings);
  } else {
    ASSIGN_OR_RETURN(summary.from_state, AddExactRows(*request.exact, snapshot, *request.labels,
                                                      join, request.warnings));
  }
  RETURN_IF_ERROR(join->Finish());
  summary.matched = join->matched();
  return summary;
}

}  // namespace forebay
