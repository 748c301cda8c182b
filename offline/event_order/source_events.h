// All events of a source, from its files and its archive, as Parquet files in the order of their
// event times: what the engine reads to compute features as if nothing had been late.
//
//   EventsRead read = SortSourceEvents({.source = &source, .columns = {"user_id", "amount"},
//                                       .files = files, .folder = "/tmp/sorted"}).value();
//
// Events of one time are in the order in which they came: those of files in that of a backfill
// (connectors/file), then those of the archive by partition and offset. Where there are files, the
// archive gives those that are known at `until` or later. What a backfill refuses is refused, and
// what fails the gate (S1) is left out.
//
// Takes 256 MB, or, of an archive, the memory for four million events; and disk for all of them.
#ifndef FOREBAY_OFFLINE_EVENT_ORDER_SOURCE_EVENTS_H_
#define FOREBAY_OFFLINE_EVENT_ORDER_SOURCE_EVENTS_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/file/batch_files.h"
#include "offline/event_order/archived_events.h"
#include "offline/training_set/events_read.h"

namespace forebay {

struct SourceEventsRequest {
  const v1::Source* source = nullptr;
  std::set<std::string> columns;  // of its schema, that are needed; the event time comes along
  std::optional<BatchFiles> files;
  std::optional<EventArchive> archive;
  int64_t latest = std::numeric_limits<int64_t>::max();  // events that happened later are left out
  std::string folder;                                    // is there, and empty
  // About how much is in memory at a time, of files and of an archive.
  int64_t run_bytes = int64_t{256} << 20;
  int64_t run_rows = 4'000'000;
  // After each batch, of so many rows; an error ends the reading.
  std::function<absl::Status(int64_t rows)> progress;
};

// Errors as of EventFile, of MergedFiles and of EventSorter; DATA_LOSS: the archive is damaged.
absl::StatusOr<EventsRead> SortSourceEvents(const SourceEventsRequest& request);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_EVENT_ORDER_SOURCE_EVENTS_H_
