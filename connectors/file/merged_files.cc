#include "connectors/file/merged_files.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <fmt/format.h>

#include <algorithm>

#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

size_t FieldIndex(const v1::Source& source, const std::string& name) {
  auto found = std::find_if(source.schema().begin(), source.schema().end(),
                            [&](const v1::Field& field) { return field.name() == name; });
  return static_cast<size_t>(found - source.schema().begin());
}

FieldValue TimeAt(const arrow::TimestampArray& times, int64_t row) {
  FieldValue value;
  value.null = times.IsNull(row);
  if (!value.null) value.integer = times.Value(row);
  return value;
}

absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> Take(
    const std::shared_ptr<arrow::RecordBatch>& columns, std::vector<int32_t> rows) {
  const auto count = static_cast<int64_t>(rows.size());
  if (count == columns->num_rows()) return columns;
  std::shared_ptr<arrow::Array> indices =
      std::make_shared<arrow::Int32Array>(count, arrow::Buffer::FromVector(std::move(rows)));
  auto taken = arrow::compute::Take(columns, indices, arrow::compute::TakeOptions::NoBoundsCheck());
  if (!taken.ok()) return absl::ResourceExhaustedError(taken.status().ToString());
  return taken->record_batch();
}

}  // namespace

MergedFiles::MergedFiles(const TaskPlan& plan, BatchFiles files, int partitions)
    : plan_(plan),
      batch_(plan.source->batch()),
      files_(std::move(files)),
      partitions_(partitions),
      columns_(plan),
      gate_(*plan.source),
      keys_(plan),
      event_time_field_(FieldIndex(*plan.source, plan.source->event_time())),
      known_time_field_(FieldIndex(*plan.source, plan.source->known_time_column())),
      values_(plan.source->schema_size()),
      open_(files_.files.size()),
      waiting_(partitions) {}

absl::Status MergedFiles::Start() {
  for (size_t i = 0; i < open_.size(); ++i) {
    ASSIGN_OR_RETURN(std::optional<int64_t> least, EventFile::LeastKnownTime(files_, i, columns_));
    if (least) open_[i].rank = *least;
  }
  return absl::OkStatus();
}

// Of all files that have more rows, the least place of a row to come; nullopt: there are none.
std::optional<MergedFiles::Place> MergedFiles::Frontier() const {
  std::optional<Place> least;
  for (size_t i = 0; i < open_.size(); ++i) {
    if (open_[i].ended) continue;
    Place place{open_[i].rank, i};
    if (!least || place < *least) least = place;
  }
  return least;
}

absl::StatusOr<bool> MergedFiles::ReadOn(std::vector<PartitionRuns>* runs) {
  std::optional<Place> first = Frontier();
  if (!first) return false;
  RETURN_IF_ERROR(ReadFrom(first->file));
  std::optional<Place> end = Frontier();
  for (int partition = 0; partition < partitions_; ++partition)
    Release(end, &waiting_[partition], &(*runs)[partition]);
  return true;
}

absl::Status MergedFiles::ReadFrom(size_t index) {
  File& file = open_[index];
  if (file.reader == nullptr) {
    ASSIGN_OR_RETURN(file.reader, EventFile::Open(files_, index, columns_));
  }
  ASSIGN_OR_RETURN(std::optional<FileRows> rows, file.reader->Next());
  if (!rows) {
    file.ended = true;
    file.reader.reset();
    return absl::OkStatus();
  }
  return TakeRows(index, *rows);
}

absl::Status MergedFiles::TakeRows(size_t index, const FileRows& rows) {
  const std::vector<int32_t> partition_of = keys_.PartitionsOf(*rows.columns, partitions_);
  std::vector<PartitionRows> taken(partitions_);
  std::vector<std::vector<int32_t>> indices(partitions_);
  for (int64_t row = 0; row < rows.columns->num_rows(); ++row) {
    const int32_t partition = partition_of[row];
    ASSIGN_OR_RETURN(bool takes, TakeRow(index, rows, row, &taken[partition]));
    if (takes) indices[partition].push_back(static_cast<int32_t>(row));
  }
  for (int partition = 0; partition < partitions_; ++partition) {
    const auto count = static_cast<int64_t>(indices[partition].size());
    if (count == 0) continue;
    PartitionRows& of = taken[partition];
    ASSIGN_OR_RETURN(of.columns, Take(rows.columns, std::move(indices[partition])));
    waiting_[partition][index].push_back(
        {std::make_shared<const PartitionRows>(std::move(of)), 0, count});
  }
  return absl::OkStatus();
}

// False: it is the topic's.
absl::StatusOr<bool> MergedFiles::TakeRow(size_t index, const FileRows& rows, int64_t row,
                                          PartitionRows* taken) {
  File& file = open_[index];
  const FieldValue known_time = TimeAt(*rows.known_times, row);
  const bool known =
      !known_time.null && known_time.integer >= kMinTime && known_time.integer <= kMaxTime;
  if (known && batch_.has_until_us() && known_time.integer >= batch_.until_us()) return false;
  EventTimes times{EventTime(0), KnownTime(0)};
  Rejection rejection{RejectReason::kBadKnownTime, ""};
  bool passes = known;
  if (known) {
    const int64_t time = known_time.integer;
    if (time < file.rank - batch_.max_disorder_us())
      return OutOfOrder(index, rows.first_row + row, time);
    file.rank = std::max(file.rank, time);
    values_[event_time_field_] = TimeAt(*rows.event_times, row);
    if (known_time_field_ < values_.size()) values_[known_time_field_] = known_time;
    RawRecord record{.offset = Offset(0), .timestamp = time};
    passes = gate_.Check(record, values_.data(), nullptr, &times, &rejection);
  } else {
    rejection.detail =
        fmt::format("column {} is null or not within the years 1 to 9999, and every event needs it",
                    batch_.known_time_column());
  }
  if (!passes)
    taken->rejected.emplace_back(static_cast<int64_t>(taken->ranks.size()), std::move(rejection));
  taken->event_times.push_back(times.event_time);
  taken->known_times.push_back(times.known_time);
  taken->ranks.push_back(file.rank);
  return true;
}

absl::Status MergedFiles::OutOfOrder(size_t index, int64_t row, int64_t known_time) const {
  return absl::FailedPreconditionError(fmt::format(
      "file {}, row {}: its known time ({}) is {}, and a row before it has {}, which is more than "
      "max_disorder ({}) later. Sort the file by {}, or let max_disorder of source {} allow as "
      "much",
      files_.Describe(index), row, batch_.known_time_column(), FormatTime(known_time),
      FormatTime(open_[index].rank), FormatDuration(batch_.max_disorder_us()),
      batch_.known_time_column(), plan_.source->name()));
}

// Of one partition, the rows that come before all that are still to be read.
void MergedFiles::Release(std::optional<Place> end, std::map<size_t, PartitionRuns>* waiting,
                          PartitionRuns* runs) {
  while (true) {
    // The least head, and what it has to stay before: the second, or the end.
    std::optional<Place> least;
    std::optional<Place> bound = end;
    for (const auto& [file, of_file] : *waiting) {
      Place head{of_file.front().rows->ranks[of_file.front().begin], file};
      if (!least || head < *least) {
        if (least && (!bound || *least < *bound)) bound = least;
        least = head;
      } else if (!bound || head < *bound) {
        bound = head;
      }
    }
    if (!least || (bound && *bound < *least)) return;
    PartitionRuns& of_file = (*waiting)[least->file];
    PartitionRun& front = of_file.front();
    const std::vector<int64_t>& ranks = front.rows->ranks;
    int64_t to = front.end;
    if (bound) {
      // Rows of one rank come by their files, and in a file all of them before the next.
      const bool with_equal = least->file <= bound->file;
      auto from = ranks.begin() + front.begin, until = ranks.begin() + front.end;
      auto stop = with_equal ? std::upper_bound(from, until, bound->rank)
                             : std::lower_bound(from, until, bound->rank);
      to = stop - ranks.begin();
    }
    if (to == front.begin) return;
    runs->push_back({front.rows, front.begin, to});
    front.begin = to;
    if (front.begin == front.end) of_file.pop_front();
    if (of_file.empty()) waiting->erase(least->file);
  }
}

double MergedFiles::Progress() const {
  double all = 0, read = 0;
  for (size_t i = 0; i < open_.size(); ++i) {
    const auto size = static_cast<double>(files_.files[i].size);
    all += size;
    if (open_[i].ended) {
      read += size;
    } else if (open_[i].reader != nullptr) {
      read += size * open_[i].reader->Progress();
    }
  }
  return all == 0 ? 1 : read / all;
}

}  // namespace forebay
