// The order of rows in a compacted file, and rows put into it.
//
//   RowOrder order = RowOrder::Of(schema, table);  // (_key_hash, keys, _effective_time)
//   std::vector<RowRef> refs;
//   AppendRefs(order, *batch, 0, &refs);         // of each batch, by its number
//   SortRefs(order, batches, &refs);
#ifndef FOREBAY_OFFLINE_COMPACTION_ROW_ORDER_H_
#define FOREBAY_OFFLINE_COMPACTION_ROW_ORDER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace forebay {

using RowBatches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

// A row of a list of batches, with what it is sorted by.
struct RowRef {
  int64_t range;  // by which files are split: of one value all rows are in one
  int64_t place;  // within that
  uint32_t batch;
  uint32_t row;
};

// Change records: by _key_hash, keys, _effective_time. Events of an archive: by _source_partition,
// _source_offset, the order in which tasks read them again.
struct RowOrder {
  int range = -1;  // column of int64 or int32
  int place = -1;  // column of int64 or timestamps
  std::vector<int>
      keys;  // columns that are compared between the two; a range has seldom more than one

  // Of rows of `schema`, columns of a table of schema `table`, which says what its keys are.
  static RowOrder Of(const arrow::Schema& schema, const arrow::Schema& table);
};

// Appends the rows of `batch`, which is number `index` of a list. Its columns have no nulls in
// those of the order.
void AppendRefs(const RowOrder& order, const arrow::RecordBatch& batch, uint32_t index,
                std::vector<RowRef>* refs);

// Rows that tie stay in their order. The first by range and place only, and so in order but for
// keys of one range.
void SortByRange(std::vector<RowRef>* refs);
absl::Status SortRefs(const RowOrder& order, const RowBatches& batches, std::vector<RowRef>* refs);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_COMPACTION_ROW_ORDER_H_
