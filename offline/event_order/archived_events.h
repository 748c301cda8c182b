// The events of an archive, for a sorter: in the order of event time, then partition and offset.
#ifndef FOREBAY_OFFLINE_EVENT_ORDER_ARCHIVED_EVENTS_H_
#define FOREBAY_OFFLINE_EVENT_ORDER_ARCHIVED_EVENTS_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/snapshot.h"
#include "offline/event_order/event_sorter.h"
#include "offline/training_set/row_bounds.h"

namespace forebay {

struct EventArchive {
  std::shared_ptr<ObjectStore> store;
  std::string table;  // its path there
  Snapshot snapshot;
  std::optional<RowBounds> bounds;  // of the events that count; nullopt: all
};

struct ArchivedEventsRequest {
  const EventArchive* archive = nullptr;
  // Of the events; a column that the archive lacks is null.
  std::shared_ptr<arrow::Schema> schema;
  int64_t known_from = std::numeric_limits<int64_t>::min();  // events known before are left out
  RowBounds after;                                           // so are those within these bounds
  int64_t latest = std::numeric_limits<int64_t>::max();      // and those that happened later
  int64_t run_rows = 4'000'000;  // about so many are in memory at a time
  // After each batch, of so many rows; an error ends the reading.
  std::function<absl::Status(int64_t rows)> progress;
};

// Gives all events to `sorter`, in runs that do not overlap; the last may not have ended. The
// events of one day are read at once, of days with more than `run_rows` in several passes.
// Returns the latest event time seen, in microseconds UTC; nullopt: there is no event. DATA_LOSS: a
// file is damaged.
absl::StatusOr<std::optional<int64_t>> SortArchivedEvents(const ArchivedEventsRequest& request,
                                                          EventSorter* sorter);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_EVENT_ORDER_ARCHIVED_EVENTS_H_
