// Rows picked from many batches into one: a take over chunks, by numbers of batch and row.
#ifndef FOREBAY_OFFLINE_COMPACTION_GATHER_H_
#define FOREBAY_OFFLINE_COMPACTION_GATHER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "offline/compaction/row_order.h"

namespace forebay {

// The rows `refs`, in that order, of `batches`, which have one schema; only `columns` of it, by
// index. REQUIRES: there is a batch. RESOURCE_EXHAUSTED: more text in a column than 2 GiB, or
// memory.
absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> Gather(const RowBatches& batches,
                                                           absl::Span<const RowRef> refs,
                                                           absl::Span<const int> columns);

// All columns.
absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> Gather(const RowBatches& batches,
                                                           absl::Span<const RowRef> refs);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_COMPACTION_GATHER_H_
