#include "offline/range/range_table.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "engine/batch/change_batch.h"
#include "engine/batch/take_rows.h"
#include "forebay/v1/definition.pb.h"
#include "offline/compaction/row_reader.h"
#include "offline/delta/data_file.h"
#include "offline/delta/delta_table.h"
#include "offline/delta/gathered_file.h"
#include "offline/delta/table_range.h"
#include "offline/range/held_rows.h"
#include "offline/sink/table_flush.h"
#include "schemas/definition/view_fingerprint.h"
#include "schemas/types/crash_point.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr int64_t kBatchRows = 32 * 1024;

// Which rows of a file it is about: whether one is, of its number in the file and its effective
// time. Asked in the order of the file.
using Wanted = absl::FunctionRef<bool(int64_t row, int64_t effective_time)>;

// The times between which its rows are.
TimeRange TimesOf(const AddAction& file) {
  const std::optional<int64_t> least = NumberTag(file, kEffectiveMinTag);
  const std::optional<int64_t> greatest = NumberTag(file, kEffectiveMaxTag);
  if (least && greatest) return {.from = *least, .to = *greatest + 1};
  return DateOf(file).value_or(TimeRange());
}

class RangeWriter {
 public:
  explicit RangeWriter(const RangeTableRequest& request)
      : request_(request),
        path_(OfflineTablePath({request.view->name(), request.view->version()})),
        schema_(ChangeSchema(*request.view, *request.entity)),
        time_column_(EffectiveTimeColumn(*schema_)) {}

  // Deletes the files that no table names.
  ~RangeWriter() {
    for (const AddAction& file : made_.files)
      request_.warehouse->Delete(path_ + "/" + file.path).IgnoreError();
  }

  absl::StatusOr<RangeTable> Run() {
    absl::StatusOr<Snapshot> whole = LoadSnapshot(*request_.whole, path_, std::nullopt);
    if (whole.ok()) {
      RETURN_IF_ERROR(TakeRange(*whole));
      RETURN_IF_ERROR(TakeHeld(*whole));
      TakePositions(*whole);
    } else if (!absl::IsNotFound(whole.status())) {  // without rows there is none
      return whole.status();
    }
    CrashPoint("range.files_written");
    RETURN_IF_ERROR(Commit());
    CrashPoint("range.committed");
    return table_;
  }

 private:
  absl::Status TakeRange(const Snapshot& whole) {
    const TimeRange& range = request_.range;
    for (const auto& [path, file] : whole.files) {
      const TimeRange times = TimesOf(file);
      if (times.to <= range.from || times.from >= range.to) continue;
      const std::optional<int64_t> rows = RowsOf(file);
      if (rows && times.from >= range.from && times.to <= range.to) {
        RETURN_IF_ERROR(CopyFile(file));
        table_.rows += *rows;
        continue;
      }
      ASSIGN_OR_RETURN(const int64_t taken,
                       TakeRowsOf(whole, file, [&](int64_t /*row*/, int64_t effective_time) {
                         return range.Holds(effective_time);
                       }));
      table_.rows += taken;
    }
    return absl::OkStatus();
  }

  absl::Status TakeHeld(const Snapshot& whole) {
    const HeldRowsRequest held{.store = request_.whole.get(),
                               .table = path_,
                               .snapshot = &whole,
                               .entity = request_.entity,
                               .at = request_.range.from,
                               .most_keys = request_.most_keys};
    return VisitHeldRows(
        held, [&](const AddAction& file, absl::Span<const int64_t> rows) -> absl::Status {
          const int64_t* next = rows.begin();
          ASSIGN_OR_RETURN(const int64_t taken,
                           TakeRowsOf(whole, file, [&](int64_t row, int64_t /*effective_time*/) {
                             const bool wanted = next != rows.end() && *next == row;
                             if (wanted) ++next;
                             return wanted;
                           }));
          table_.held += taken;
          return absl::OkStatus();
        });
  }

  absl::Status CopyFile(const AddAction& file) {
    if (request_.go_on) RETURN_IF_ERROR(request_.go_on());
    const std::string place = path_ + "/" + file.path;
    made_.files.push_back(file);  // first: what is there of it is to go after an error
    return CopyObject(*request_.whole, place, request_.warehouse.get(), place);
  }

  // Into a file of their own; how many they are.
  absl::StatusOr<int64_t> TakeRowsOf(const Snapshot& whole, const AddAction& file, Wanted wanted) {
    if (request_.go_on) RETURN_IF_ERROR(request_.go_on());
    ASSIGN_OR_RETURN(std::unique_ptr<RowReader> reader,
                     RowReader::Open(*request_.whole, path_, file.path, schema_, kBatchRows));
    GatheredFile taken([&]() -> absl::StatusOr<std::unique_ptr<DataFileWriter>> {
      return DataFileWriter::Create(request_.warehouse.get(), path_,
                                    FormatDate(StartOfDate(file).value_or(0)), *schema_,
                                    *whole.schema, {.encoding = request_.encoding});
    });
    int64_t row = 0;
    int64_t count = 0;
    while (true) {
      ASSIGN_OR_RETURN(std::shared_ptr<arrow::RecordBatch> batch, reader->Next());
      if (batch == nullptr) break;
      const auto& times = static_cast<const arrow::TimestampArray&>(*batch->column(time_column_));
      std::vector<RowOfBatch> picked;
      for (int64_t i = 0; i < batch->num_rows(); ++i, ++row) {
        if (wanted(row, times.Value(i))) picked.push_back({batch.get(), i});
      }
      count += std::ssize(picked);
      if (!picked.empty()) RETURN_IF_ERROR(taken.Add(TakeRows(batch, picked)));
    }
    ASSIGN_OR_RETURN(std::optional<AddAction> added, taken.Finish(request_.now_us()));
    if (added) made_.files.push_back(*std::move(added));
    return count;
  }

  void TakePositions(const Snapshot& whole) {
    const int64_t end = request_.range.to;
    for (const auto& [app_id, transaction] : whole.transactions)
      made_.transactions[app_id] = transaction.version;
    for (const auto& [task, clock] : whole.clocks) {
      made_.clocks[task] = {.clock = std::min(clock.clock, end),
                            .complete_before = std::min(clock.complete_before, end)};
    }
    if (std::optional<int64_t> before = CompleteBefore(whole))
      table_.complete_before = std::min(*before, end);
  }

  absl::Status Commit() {
    const AppendRequest made = std::exchange(made_, {});
    const absl::Status status =
        DeltaTable::CreateWith(request_.warehouse, path_, *schema_, made, request_.now_us(),
                               {{kFingerprintProperty, request_.fingerprint},
                                {kRangeProperty, RangeProperty(request_.range)}});
    // After another error the commit may have happened: the files stay.
    if (!absl::IsAlreadyExists(status)) return status;
    made_ = made;
    return absl::AlreadyExistsError(
        fmt::format("another program made the table {} meanwhile: the same command again says what "
                    "it holds",
                    request_.warehouse->Describe(path_)));
  }

  const RangeTableRequest& request_;
  const std::string path_;  // of both tables
  const std::shared_ptr<arrow::Schema> schema_;
  const int time_column_;
  AppendRequest made_;  // not yet committed
  RangeTable table_;
};

}  // namespace

absl::StatusOr<bool> HasRangeTable(const ObjectStore& warehouse, const ViewId& view,
                                   const std::string& fingerprint, const TimeRange& range) {
  const std::string path = OfflineTablePath(view);
  absl::StatusOr<Snapshot> table = LoadSnapshot(warehouse, path, std::nullopt);
  if (absl::IsNotFound(table.status())) return false;
  RETURN_IF_ERROR(table.status());
  ASSIGN_OR_RETURN(std::optional<TimeRange> of, RangeOf(*table));
  if (!of || RangeProperty(*of) != RangeProperty(range)) {
    return absl::FailedPreconditionError(fmt::format(
        "the offline table {} of {} holds {}, and the range {} is asked for: what was computed "
        "stays as it is. Give the view a new version for this range, or remove the table with "
        "`forebay reset {}`",
        warehouse.Describe(path), view.ToString(),
        of ? "the range " + DescribeRange(*of) : "all of its history", DescribeRange(range),
        view.ToString()));
  }
  const auto& properties = table->metadata.configuration;
  const auto before = properties.find(kFingerprintProperty);
  if (before != properties.end() && before->second != fingerprint)
    return ChangedUnderVersion(view, before->second, fingerprint, "its offline table");
  return true;
}

absl::StatusOr<RangeTable> WriteRangeTable(const RangeTableRequest& request) {
  return RangeWriter(request).Run();
}

}  // namespace forebay
