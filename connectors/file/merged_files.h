// The rows of all files of a source in the order of their known times, partition by partition.
//
//   MergedFiles merged(plan, files, partitions);
//   RETURN_IF_ERROR(merged.Start());
//   while (true) {
//     ASSIGN_OR_RETURN(bool more, merged.ReadOn(&runs));   // appends to runs[partition]
//     if (!more) break;
//   }
//
// A row's rank is the largest known time of its file so far; rows are ordered by (rank, file, row
// in the file), so files that are sorted are merged, and the order depends on nothing but the
// files. A file is opened when its least known time is reached, as far as its statistics tell it;
// of each file that is open, no more is in memory than a batch and what others have yet to come
// before.
//
// Where `until` is a time, rows that are known then or later are left out. Those that fail the gate
// (S1), with their known times as the timestamps of their records, are there with why. Not
// thread-safe.
#ifndef FOREBAY_CONNECTORS_FILE_MERGED_FILES_H_
#define FOREBAY_CONNECTORS_FILE_MERGED_FILES_H_

#include <arrow/type_fwd.h>

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/decode/gate.h"
#include "connectors/file/batch_files.h"
#include "connectors/file/event_file.h"
#include "connectors/file/key_partition.h"

namespace forebay {

// Rows of one file and one partition that follow each other there.
struct PartitionRows {
  std::shared_ptr<arrow::RecordBatch> columns;  // of the plan's event schema
  // Parallel to the rows.
  std::vector<EventTime> event_times;
  std::vector<KnownTime> known_times;
  std::vector<int64_t> ranks;
  std::vector<std::pair<int64_t, Rejection>> rejected;  // by row, ascending
};

struct PartitionRun {
  std::shared_ptr<const PartitionRows> rows;
  int64_t begin = 0;
  int64_t end = 0;

  int64_t size() const { return end - begin; }
};

using PartitionRuns = std::deque<PartitionRun>;

class MergedFiles {
 public:
  // `plan` outlives it.
  MergedFiles(const TaskPlan& plan, BatchFiles files, int partitions);

  // Looks at every file. Errors as of EventFile.
  absl::Status Start();

  // Reads a batch of one file, and appends to each partition's runs what is certain to come next.
  // False: all has been read. FAILED_PRECONDITION: a row's known time lies further behind than
  // the source allows; else errors as of EventFile.
  absl::StatusOr<bool> ReadOn(std::vector<PartitionRuns>* runs);

  // The part of all files that was read, from 0 to 1, about.
  double Progress() const;

 private:
  struct Place {  // in the order of rows
    int64_t rank;
    size_t file;

    auto operator<=>(const Place&) const = default;
  };
  struct File {
    std::unique_ptr<EventFile> reader;                   // null: not opened yet, or at its end
    int64_t rank = std::numeric_limits<int64_t>::min();  // of its rows so far; none is below
    bool ended = false;
  };

  std::optional<Place> Frontier() const;
  absl::Status ReadFrom(size_t index);
  absl::Status TakeRows(size_t index, const FileRows& rows);
  absl::StatusOr<bool> TakeRow(size_t index, const FileRows& rows, int64_t row,
                               PartitionRows* taken);
  absl::Status OutOfOrder(size_t index, int64_t row, int64_t known_time) const;
  static void Release(std::optional<Place> end, std::map<size_t, PartitionRuns>* waiting,
                      PartitionRuns* runs);

  const TaskPlan& plan_;
  const v1::BatchSource& batch_;
  const BatchFiles files_;
  const int partitions_;
  const EventFileColumns columns_;
  const Gate gate_;
  KeyPartition keys_;
  size_t event_time_field_ = 0;  // of the schema
  size_t known_time_field_ = 0;  // likewise; where the source's known time is a column
  std::vector<FieldValue> values_;
  std::vector<File> open_;  // parallel to the files
  std::vector<std::map<size_t, PartitionRuns>>
      waiting_;  // by partition, then by file; none is empty
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_FILE_MERGED_FILES_H_
