// Builds one column of an EventBatch from the values of its records.
//
//   ColumnBuilder builder(DataType::kDouble);
//   ARROW_RETURN_NOT_OK(builder.Start(records.size()));
//   for (...) ARROW_RETURN_NOT_OK(builder.Append(value));
//   ARROW_RETURN_NOT_OK(builder.Finish(&column));
//
// Writes straight into the column's buffers, which Arrow's own builders reach by several checks per
// value.
#ifndef FOREBAY_CONNECTORS_DECODE_COLUMN_BUILDER_H_
#define FOREBAY_CONNECTORS_DECODE_COLUMN_BUILDER_H_

#include <arrow/status.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/base/attributes.h"
#include "connectors/decode/field_value.h"
#include "schemas/types/data_type.h"

namespace arrow {
class Array;
class Buffer;
class ResizableBuffer;
}  // namespace arrow

namespace forebay {

class ColumnBuilder {
 public:
  explicit ColumnBuilder(DataType type);
  ColumnBuilder(ColumnBuilder&&) noexcept;
  ColumnBuilder& operator=(ColumnBuilder&&) noexcept;
  ~ColumnBuilder();

  // An empty column with room for this many values. Fails only where memory ends.
  arrow::Status Start(int64_t most_values);

  // REQUIRES: room for one more value. Text is copied. Fails only where memory ends, or the texts
  // of a column pass 2 GiB.
  ABSL_ATTRIBUTE_ALWAYS_INLINE arrow::Status Append(const FieldValue& value) {
    if (value.null) return AppendNull();
    switch (type_) {
      case DataType::kBool:
        bools_[length_] = value.boolean ? 1 : 0;
        break;
      case DataType::kInt64:
      case DataType::kTimestamp:
        words_[length_] = value.integer;
        break;
      case DataType::kDouble:
        words_[length_] = std::bit_cast<int64_t>(value.real);
        break;
      case DataType::kString:
      case DataType::kBytes:
        if (value.text.size() > text_room_ - text_size_) {
          ARROW_RETURN_NOT_OK(Grow(value.text.size()));
        }
        CopyText(value.text, text_ + text_size_);
        text_size_ += value.text.size();
        offsets_[length_ + 1] = static_cast<int32_t>(text_size_);
        break;
    }
    ++length_;
    return arrow::Status::OK();
  }

  // The column of what was appended since Start. REQUIRES: Start before the next Append.
  arrow::Status Finish(std::shared_ptr<arrow::Array>* out);

 private:
  arrow::Status AppendNull();
  // Most texts are short: two words that overlap cost less than a call.
  static void CopyText(std::string_view text, char* to) {
    if (text.size() >= 8 && text.size() <= 16) {
      CopyEnds<uint64_t>(text, to);
    } else if (text.size() >= 4 && text.size() < 8) {
      CopyEnds<uint32_t>(text, to);
    } else {
      std::memcpy(to, text.data(), text.size());
    }
  }
  template <typename Word>
  static void CopyEnds(std::string_view text, char* to) {
    Word first;
    Word last;
    std::memcpy(&first, text.data(), sizeof(Word));
    std::memcpy(&last, text.data() + text.size() - sizeof(Word), sizeof(Word));
    std::memcpy(to, &first, sizeof(Word));
    std::memcpy(to + text.size() - sizeof(Word), &last, sizeof(Word));
  }
  arrow::Status Grow(size_t more);

  DataType type_;
  int64_t length_ = 0;
  std::vector<int64_t> nulls_;  // which values are
  std::vector<uint8_t> bools_;  // of kBool: 1 or 0
  // What fixed_ holds: the values, or where their texts end.
  std::shared_ptr<arrow::Buffer> fixed_;
  int64_t* words_ = nullptr;  // integers, and the bits of doubles
  int32_t* offsets_ = nullptr;
  std::shared_ptr<arrow::ResizableBuffer> text_buffer_;
  char* text_ = nullptr;
  size_t text_size_ = 0;
  size_t text_room_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_COLUMN_BUILDER_H_
