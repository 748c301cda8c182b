// Rows of a key in the change logs of this machine, which are to come to a table.
#ifndef FOREBAY_OFFLINE_ERASURE_LOGGED_ROWS_H_
#define FOREBAY_OFFLINE_ERASURE_LOGGED_ROWS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "engine/batch/event_batch.h"
#include "offline/erasure/erased_key.h"
#include "schemas/types/table_id.h"

namespace forebay {

// Of the rows that the log of the task holds for the table, those with a position after `held` that
// are to be erased. Beside a running worker, too. DATA_LOSS: the log is damaged.
absl::StatusOr<int64_t> CountLoggedRows(const std::string& state_folder, const TaskId& task,
                                        const TableId& table, const ErasedKey& key, Offset held);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_ERASURE_LOGGED_ROWS_H_
