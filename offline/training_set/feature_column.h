// One output column of a training set, or of a slice of it: a value per label, in their order.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_FEATURE_COLUMN_H_
#define FOREBAY_OFFLINE_TRAINING_SET_FEATURE_COLUMN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "schemas/types/data_type.h"

namespace arrow {
class Array;
class Buffer;
class DataType;
template <typename T>
class Result;
}  // namespace arrow

namespace forebay {

namespace v1 {
class Feature;
}

class FeatureColumn {
 public:
  FeatureColumn() = default;
  // All values are the feature's default (S19) at first.
  FeatureColumn(const v1::Feature& feature, int64_t labels);

  // The setters are for any thread, and each row for one.

  // Sets label rows[i] to the value of `array` at from[i].
  // INVALID_ARGUMENT: the array has another type than the feature.
  absl::Status Set(const arrow::Array& array, absl::Span<const uint32_t> from,
                   absl::Span<const uint32_t> rows);

  // Sets label rows[i] to numbers[i] (doubles as their bits, booleans as 0 or 1), or to null.
  void SetNumbers(const int64_t* numbers, const uint8_t* valid, absl::Span<const uint32_t> rows);
  void SetText(std::string_view text, uint32_t row) {
    valid_[row] = 1;
    texts_[row] = text;
  }
  void SetNull(uint32_t row) { valid_[row] = 0; }

  // Once, after the last value.
  absl::StatusOr<std::shared_ptr<arrow::Array>> Finish();
  std::shared_ptr<arrow::DataType> type() const { return type_; }
  bool holds_texts() const { return text_; }  // or lists

 private:
  absl::Status SetLists(const arrow::Array& array, absl::Span<const uint32_t> from,
                        absl::Span<const uint32_t> rows);
  absl::Status WrongType(const arrow::Array& found) const;
  arrow::Result<std::shared_ptr<arrow::Array>> BuildArray();
  arrow::Result<std::shared_ptr<arrow::Array>> BuildNumbers();
  arrow::Result<std::shared_ptr<arrow::Array>> BuildLists() const;

  DataType feature_type_{};
  std::shared_ptr<arrow::DataType> type_;
  bool text_ = false;  // or a list, kept as its bytes
  std::vector<uint8_t> valid_;
  std::shared_ptr<arrow::Buffer> number_bytes_;  // bits of doubles, 0 or 1 for booleans; of numbers
  int64_t* numbers_ = nullptr;                   // in them
  std::vector<std::string> texts_;               // bytes of lists, too; empty for numbers
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_FEATURE_COLUMN_H_
