// Rows of several batches of one schema, put together in any order.
#ifndef FOREBAY_ENGINE_BATCH_TAKE_ROWS_H_
#define FOREBAY_ENGINE_BATCH_TAKE_ROWS_H_

#include <cstdint>
#include <memory>

#include "absl/types/span.h"

namespace arrow {
class RecordBatch;
}

namespace forebay {

struct RowOfBatch {
  const arrow::RecordBatch* batch;
  int64_t row;
};

// Row i of the result is `rows[i]`. `like` gives the schema, and is the result where the rows are
// just its own. Copies runs of neighbours at once.
std::shared_ptr<arrow::RecordBatch> TakeRows(const std::shared_ptr<arrow::RecordBatch>& like,
                                             absl::Span<const RowOfBatch> rows);

}  // namespace forebay

#endif  // FOREBAY_ENGINE_BATCH_TAKE_ROWS_H_
