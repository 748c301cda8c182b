// Columns of data files as the table has them: whatever its writers made of a type.
#ifndef FOREBAY_OFFLINE_DELTA_TABLE_COLUMN_H_
#define FOREBAY_OFFLINE_DELTA_TABLE_COLUMN_H_

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <memory>

namespace forebay {

// The values of `array` as those of `column`: integers of another width, timestamps of another
// unit, lists of "item" and the like are converted. INVALID, with the column's name: it is
// something else, or a value does not fit.
arrow::Result<std::shared_ptr<arrow::Array>> AsTableColumn(
    const std::shared_ptr<arrow::Array>& array, const arrow::Field& column);

// The columns of `batch` whose names are in `table`, as those of the table; others as they are.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> AsTableColumns(
    const std::shared_ptr<arrow::RecordBatch>& batch, const arrow::Schema& table);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_DELTA_TABLE_COLUMN_H_
