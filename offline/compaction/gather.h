// Rows picked from many batches into one: a take over chunks, by numbers of batch and row.
#ifndef FOREBAY_OFFLINE_COMPACTION_GATHER_H_
#define FOREBAY_OFFLINE_COMPACTION_GATHER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "offline/compaction/row_order.h"

namespace arrow {
class Array;
}

namespace forebay {

// Where a row is: a third of a RowRef, as all columns read it.
struct RowPlace {
  uint32_t batch;
  uint32_t row;
};

// Takes the same rows of one column after the other. Not thread-safe.
class RowGather {
 public:
  // The rows `refs`, in that order, of `batches`, which have one schema and must outlive this.
  // REQUIRES: there is a batch.
  RowGather(const RowBatches& batches, absl::Span<const RowRef> refs);

  // RESOURCE_EXHAUSTED: more text than 2 GiB, or memory.
  absl::StatusOr<std::shared_ptr<arrow::Array>> Column(int index) const;

 private:
  const RowBatches& batches_;
  std::vector<RowPlace> places_;
};

// Only `columns` of them, by index; the second: all.
absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> Gather(const RowBatches& batches,
                                                           absl::Span<const RowRef> refs,
                                                           absl::Span<const int> columns);
absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> Gather(const RowBatches& batches,
                                                           absl::Span<const RowRef> refs);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_COMPACTION_GATHER_H_
