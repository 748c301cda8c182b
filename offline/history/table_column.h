// Columns of data files as the table has them: whatever its writers made of a type.
#ifndef FOREBAY_OFFLINE_HISTORY_TABLE_COLUMN_H_
#define FOREBAY_OFFLINE_HISTORY_TABLE_COLUMN_H_

#include <arrow/result.h>

#include <memory>

namespace forebay {

// The values of `array` as those of `column`: integers of another width and timestamps of another
// unit are converted. INVALID, with the column's name: it is something else, or a value does not
// fit.
arrow::Result<std::shared_ptr<arrow::Array>> AsTableColumn(
    const std::shared_ptr<arrow::Array>& array, const arrow::Field& column);

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_HISTORY_TABLE_COLUMN_H_
