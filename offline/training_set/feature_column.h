// One output column of a training set: a value per label, in the labels' order.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_FEATURE_COLUMN_H_
#define FOREBAY_OFFLINE_TRAINING_SET_FEATURE_COLUMN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "schemas/types/data_type.h"

namespace arrow {
class Array;
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
  // All values are the feature's default (S19) at first.
  FeatureColumn(const v1::Feature& feature, int64_t labels);

  // Sets label rows[i] to the value of `array` at from[i].
  // INVALID_ARGUMENT: the array has another type than the feature.
  absl::Status Set(const arrow::Array& array, const std::vector<uint32_t>& from,
                   const std::vector<uint32_t>& rows);

  void SetDefault(uint32_t row);
  void SetNull(uint32_t row) { valid_[row] = 0; }

  absl::StatusOr<std::shared_ptr<arrow::Array>> Finish() const;
  std::shared_ptr<arrow::DataType> type() const { return type_; }

 private:
  absl::Status SetLists(const arrow::Array& array, const std::vector<uint32_t>& from,
                        const std::vector<uint32_t>& rows);
  absl::Status WrongType(const arrow::Array& found) const;
  arrow::Result<std::shared_ptr<arrow::Array>> BuildArray() const;
  arrow::Result<std::shared_ptr<arrow::Array>> BuildLists() const;

  DataType feature_type_;
  std::shared_ptr<arrow::DataType> type_;
  bool text_;  // or a list, kept as its bytes
  std::vector<uint8_t> valid_;
  std::vector<int64_t> numbers_;    // bits of doubles, 0 or 1 for booleans; empty for text
  std::vector<std::string> texts_;  // bytes of lists, too; empty for numbers
  bool default_valid_ = false;
  int64_t default_number_ = 0;
  std::string default_text_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_FEATURE_COLUMN_H_
