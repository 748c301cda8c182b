// A row of a file as the record that stands for it in the topic that the files are fed into
// (BatchSource.feed): a JSON object that the source's decoder reads as the same row.
//
//   RowRecord record(plan);
//   ASSIGN_OR_RETURN(std::string_view value, record.Value(rows, 12));
//
// Not thread-safe.
#ifndef FOREBAY_CONNECTORS_FILE_ROW_RECORD_H_
#define FOREBAY_CONNECTORS_FILE_ROW_RECORD_H_

#include <arrow/type_fwd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/update_record/json_object.h"
#include "engine/aggregate/aggregate.h"
#include "engine/task/task_plan.h"

namespace forebay {

class RowRecord {
 public:
  // Of the plan's columns; `plan` outlives it.
  explicit RowRecord(const TaskPlan& plan);

  // Valid until the next call. INVALID_ARGUMENT names a column whose value the source's schema has
  // no form for: a time that is no whole number of its unit, an infinite number.
  absl::StatusOr<std::string_view> Value(const arrow::RecordBatch& rows, int64_t row);

 private:
  struct Column {
    std::string name;
    DataType type;
    int64_t per_second = 0;  // of a time that is a whole number: of its unit; else 0
  };

  absl::StatusOr<Scalar> ValueOf(const Column& column, const arrow::Array& values,
                                 int64_t row) const;

  std::vector<Column> columns_;
  JsonMembers members_;
  std::vector<Scalar> values_;
  std::string text_;  // room for it
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_FILE_ROW_RECORD_H_
