// Events as Parquet files that are sorted by event time, each by itself: runs, for a reader that
// merges them by (event time, number of the run, row).
//
//   EventSorter sorter("/tmp/sorted", schema);
//   RETURN_IF_ERROR(sorter.Add(rows, places));   // as often as there are some
//   RETURN_IF_ERROR(sorter.EndRun());            // when there are many: writes 00000000.parquet
//
// The events of a run are in memory until it ends. Not thread-safe.
#ifndef FOREBAY_OFFLINE_EVENT_ORDER_EVENT_SORTER_H_
#define FOREBAY_OFFLINE_EVENT_ORDER_EVENT_SORTER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace forebay {

// An event in a batch of rows, and where it comes: by event time, then by partition and offset.
struct EventPlace {
  int64_t event_time = 0;  // microseconds UTC
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t row = 0;  // of the batch
};

class EventSorter {
 public:
  // Into `folder`, which is there.
  EventSorter(std::string folder, std::shared_ptr<arrow::Schema> schema);

  // Takes those rows of a batch that have a place. A batch may come several times, each time with
  // other rows.
  void Add(const std::shared_ptr<arrow::RecordBatch>& rows, const std::vector<EventPlace>& places);

  // Writes what was added since the last run. Without an event there is a file all the same, where
  // it is the first. RESOURCE_EXHAUSTED: it cannot be written.
  absl::Status EndRun();

  // Of the run so far.
  int64_t rows() const { return std::ssize(events_); }
  int64_t bytes() const { return bytes_; }

 private:
  struct Event {
    EventPlace place;
    size_t batch = 0;
  };

  const std::string folder_;
  const std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches_;
  absl::flat_hash_map<const arrow::RecordBatch*, size_t> numbers_;  // of the batches
  std::vector<Event> events_;
  int64_t bytes_ = 0;
  int runs_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_EVENT_ORDER_EVENT_SORTER_H_
