// The join of labels with one view's offline table.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_TABLE_JOIN_H_
#define FOREBAY_OFFLINE_TRAINING_SET_TABLE_JOIN_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "offline/delta/table_version.h"
#include "offline/training_set/events_read.h"
#include "offline/training_set/labels.h"
#include "offline/training_set/training_set.h"
#include "offline/upkeep/lease.h"
#include "schemas/types/view_id.h"

namespace forebay {

class PointInTimeJoin;
struct ExactRequest;

struct TableJoinRequest {
  std::string project;
  ViewId view;
  TableVersion version;
  const Labels* labels;
  std::optional<std::vector<int64_t>> key_hashes;  // as JoinedView's
  TrainingSetProgress progress;
  const ExactRequest* exact;  // null: the table alone
  // What the view was computed from, for mode `event`; null: by the worker, or a backfill.
  const EventsRead* events;
  std::vector<std::string>* warnings;
};

// What keeps the files that `join` reads from being removed, and what was seen so far.
struct JoinedTable {
  std::optional<Lease> lease;
  TrainingSetSummary::View summary;
};

// Gives the table's rows to `join`, which has found those of all labels then.
absl::StatusOr<JoinedTable> JoinTable(const std::shared_ptr<ObjectStore>& store,
                                      const TableJoinRequest& request, PointInTimeJoin* join);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_TABLE_JOIN_H_
