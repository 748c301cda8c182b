// The expressions of one view evaluated over a batch of events, and its keys encoded.
#ifndef FOREBAY_ENGINE_TASK_EVENT_COLUMNS_H_
#define FOREBAY_ENGINE_TASK_EVENT_COLUMNS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "engine/expression/program.h"
#include "engine/expression/vector.h"
#include "engine/state/key.h"
#include "engine/state/key_state.h"
#include "engine/task/task_plan.h"
#include "schemas/types/value.h"

namespace arrow {
class Array;
class RecordBatch;
}  // namespace arrow

namespace forebay {

// Encoded keys of a batch, row by row. Reused from batch to batch.
class KeyColumn {
 public:
  KeyColumn(const v1::Entity& entity, std::vector<int> columns);

  // Valid until the next call, or until `batch` goes.
  void Encode(const arrow::RecordBatch& batch);

  // False: a part of the key is null.
  bool IsValid(int64_t row) const { return valid_[row] != 0; }
  const HashedKey& operator[](int64_t row) const { return keys_[row]; }
  // The parts of a row's key as values. REQUIRES: IsValid(row).
  std::vector<Value> Parts(const arrow::RecordBatch& batch, int64_t row) const;

 private:
  void AppendPart(const arrow::Array& column, int64_t row);

  std::vector<int> columns_;
  bool raw_text_;             // the column's bytes are the keys
  std::string bytes_;         // of all keys, else
  std::vector<size_t> ends_;  // in bytes_
  std::vector<HashedKey> keys_;
  std::vector<uint8_t> valid_;
};

class EventColumns {
 public:
  explicit EventColumns(const ViewTaskPlan& plan);

  // Valid until the next call, or until `batch` goes.
  void Evaluate(const arrow::RecordBatch& batch);

  const KeyColumn& keys() const { return keys_; }
  // Whether the view's `where` is true.
  bool Passes(int64_t row) const {
    return !where_ || (where_column_.IsValid(row) && where_column_.bools[row] != 0);
  }
  // Parallel to ViewPlan.inputs.
  absl::Span<const InputColumn> inputs() const { return columns_; }

  // Counts since construction.
  int64_t WhereErrors() const { return where_ ? where_->errors() : 0; }
  int64_t Errors(size_t input) const;
  int64_t NanValues(size_t input) const { return inputs_[input].nan_values; }

 private:
  struct Input {
    std::unique_ptr<Evaluator> argument, filter;
    Vector argument_column;
    std::vector<uint8_t> reads;
    int64_t nan_values = 0;
  };

  static const uint8_t* MarkRead(const Vector* filter, int64_t rows, Input* input);

  KeyColumn keys_;
  std::unique_ptr<Evaluator> where_;
  Vector where_column_;
  std::vector<Input> inputs_;
  std::vector<InputColumn> columns_;  // into inputs_
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_EVENT_COLUMNS_H_
