// What labels get from the states of a view's tasks where its table is not complete yet: steps that
// are due and not written, and those to come.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_EXACT_ROWS_H_
#define FOREBAY_OFFLINE_TRAINING_SET_EXACT_ROWS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/task/stored_state.h"
#include "offline/training_set/labels.h"
#include "schemas/types/view_id.h"

namespace forebay {

class PointInTimeJoin;
struct Snapshot;

struct ExactRequest {
  std::string project;
  ViewId view;
  int index = 0;  // of the view in Project.feature_views
  const v1::Entity* entity = nullptr;
  const std::vector<StoredState>* states = nullptr;  // read before the table was
};

// Whether all rows that a state knows of are in the table, and no others: the two stand at one
// record. `held`: up to where the table has the task's rows; below 0: none.
absl::Status CheckStateFits(const StoredViewState& state, Offset held, const TaskId& task,
                            const ViewId& view);

struct ExactRows {
  int64_t added = 0;
  // The task that has read least far, and its clock: labels from then on are not settled. Of those
  // that were asked; Max: none was.
  std::string slowest;
  KnownTime read_before = KnownTime::Max();
};

// Adds to `join`, for each label from which on a task's rows are not all in `table`, the row that
// stands for the lookup of its key at its time. FAILED_PRECONDITION: a state that is needed is not
// at hand, or does not fit the table.
absl::StatusOr<ExactRows> AddExactRows(const ExactRequest& request, const Snapshot& table,
                                       const Labels& labels, PointInTimeJoin* join);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_EXACT_ROWS_H_
