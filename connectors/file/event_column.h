// Columns of files as columns of events.
//
//   RETURN_IF_ERROR(CheckColumnType(field, *column->type()));
//   ASSIGN_OR_RETURN(auto events, ToEventColumn(field, column, first_row));
#ifndef FOREBAY_CONNECTORS_FILE_EVENT_COLUMN_H_
#define FOREBAY_CONNECTORS_FILE_EVENT_COLUMN_H_

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {

// Whether the field's values can be in a column of that type: whole numbers of any size for int64,
// numbers for double; timestamps of any unit (without a zone: UTC) and dates for any timestamp, and
// whole numbers or text as its encoding says. INVALID_ARGUMENT: what was found and expected.
absl::Status CheckColumnType(const v1::Field& field, const arrow::DataType& type);

// The column in the field's type of an EventSchema; shares memory where it can. Times finer than
// microseconds are floored. `first_row`: of the file, for messages. INVALID_ARGUMENT: a value that
// the type cannot hold, or that is no time, with its row. REQUIRES: CheckColumnType is OK.
absl::StatusOr<std::shared_ptr<arrow::Array>> ToEventColumn(
    const v1::Field& field, const std::shared_ptr<arrow::Array>& column, int64_t first_row);

// The least and most that ToEventColumn makes of a column whose values lie between these two, which
// are as the type has them. REQUIRES: a timestamp field, and a column of timestamps or whole
// numbers.
int64_t ToEventTime(const v1::Field& field, const arrow::DataType& type, int64_t value);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_FILE_EVENT_COLUMN_H_
