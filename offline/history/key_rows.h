// Rows of one key among others, and in order.
#ifndef FOREBAY_OFFLINE_HISTORY_KEY_ROWS_H_
#define FOREBAY_OFFLINE_HISTORY_KEY_ROWS_H_

#include <arrow/result.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "offline/delta/file_pruning.h"

namespace forebay {

inline constexpr char kEffectiveTime[] = "_effective_time";
inline constexpr char kKeyHash[] = "_key_hash";

// What makes rows those of a key within a time.
struct KeyOfRows {
  std::vector<std::string> columns;  // of the entity, in declared order
  std::string bytes;                 // as EncodeKey makes it
  TimeRange times;
};

// Which rows of `batch` they are. INVALID: it lacks a column of the key, or its effective time.
arrow::Result<std::vector<int64_t>> FindRows(const arrow::RecordBatch& batch, const KeyOfRows& key);

// The rows in the given columns: null where the batch lacks one.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> InColumns(
    const arrow::RecordBatch& batch, const std::shared_ptr<arrow::Schema>& columns);

// All rows in one batch, in order of their effective time; null: there are none.
// REQUIRES: one schema, with that column as a timestamp in microseconds.
std::shared_ptr<arrow::RecordBatch> InOrder(const arrow::RecordBatchVector& batches);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_HISTORY_KEY_ROWS_H_
