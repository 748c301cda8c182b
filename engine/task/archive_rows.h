// Events as the rows of their source's archive.
#ifndef FOREBAY_ENGINE_TASK_ARCHIVE_ROWS_H_
#define FOREBAY_ENGINE_TASK_ARCHIVE_ROWS_H_

#include <cstdint>
#include <memory>

#include "engine/batch/event_batch.h"
#include "engine/task/event_columns.h"
#include "engine/task/task_plan.h"

namespace forebay {

// Of the rows of `batch` from `first` on: there is one at least. They share its columns' memory,
// not that of its records. `keys`: those of the batch by ArchivePlan.keys; null: there are none. A
// row's hash is that of the key there, or of the record's own key where a part of that is null; 0
// where the record has none either.
std::shared_ptr<arrow::RecordBatch> MakeArchiveRows(const ArchivePlan& plan,
                                                    const EventBatch& batch, int64_t first,
                                                    PartitionId partition, const KeyColumn* keys);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_ARCHIVE_ROWS_H_
