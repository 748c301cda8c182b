// Builds one column of an EventBatch from the values of its records.
#ifndef FOREBAY_CONNECTORS_DECODE_COLUMN_BUILDER_H_
#define FOREBAY_CONNECTORS_DECODE_COLUMN_BUILDER_H_

#include <cstdint>
#include <memory>

#include "connectors/decode/field_value.h"
#include "schemas/types/data_type.h"

namespace arrow {
class Array;
class ArrayBuilder;
class Status;
}  // namespace arrow

namespace forebay {

class ColumnBuilder {
 public:
  explicit ColumnBuilder(DataType type);
  ColumnBuilder(ColumnBuilder&&) noexcept;
  ~ColumnBuilder();

  // Makes room; `text_bytes` for the text of all of them, where the column has text.
  arrow::Status Reserve(int64_t values, int64_t text_bytes);

  // REQUIRES: room for one more value; text is copied and makes its own room. Fails only where
  // memory ends, or the texts of a batch pass 2 GiB.
  arrow::Status Append(const FieldValue& value);

  // The column; the builder is empty again.
  arrow::Status Finish(std::shared_ptr<arrow::Array>* out);

 private:
  DataType type_;
  std::unique_ptr<arrow::ArrayBuilder> builder_;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_COLUMN_BUILDER_H_
