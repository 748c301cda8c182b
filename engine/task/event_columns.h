// The expressions of a task's views evaluated over a batch of events, and its keys encoded: each
// distinct one once.
#ifndef FOREBAY_ENGINE_TASK_EVENT_COLUMNS_H_
#define FOREBAY_ENGINE_TASK_EVENT_COLUMNS_H_

#include <cstdint>
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
class Schema;
}  // namespace arrow

namespace forebay {

// Encoded keys of a batch, row by row. Reused from batch to batch.
class KeyColumn {
 public:
  // `columns` of `schema`, one per key of the entity.
  KeyColumn(const arrow::Schema& schema, std::vector<int> columns);

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

// What the views of a task compute of a batch (ColumnsPlan), by the indices there.
class EventColumns {
 public:
  // `plan` outlives it. `schema` is that of the batches.
  EventColumns(const ColumnsPlan& plan, const arrow::Schema& schema);

  // Valid until the next call, or until `batch` goes.
  void Evaluate(const arrow::RecordBatch& batch);

  const KeyColumn& keys(int index) const { return keys_[index]; }
  const Vector& expression(int index) const { return expressions_[index]; }
  const InputColumn& input(int index) const { return inputs_[index].column; }

  // Of the last batch: rows in which an error made an input null, or its argument was NaN.
  int64_t Errors(int expression) const { return evaluator_.errors(expression); }
  int64_t InputErrors(int input) const;
  int64_t NanValues(int input) const { return inputs_[input].nan_values; }

 private:
  struct Input {
    InputColumn column;
    std::vector<uint8_t> reads;
    int64_t nan_values = 0;
  };

  void EvaluateInput(const ColumnsPlan::Input& plan, int64_t rows, Input* input) const;

  const ColumnsPlan& plan_;
  std::vector<KeyColumn> keys_;
  Evaluator evaluator_;
  absl::Span<const Vector> expressions_;
  std::vector<Input> inputs_;
};

// Those of them that a view reads.
class ViewColumns {
 public:
  // Both outlive it.
  ViewColumns(const ViewTaskPlan& plan, const EventColumns& of_task);

  // The batch that was evaluated is the view's, too.
  void Take();

  const KeyColumn& keys() const { return of_task_.keys(plan_.keys); }
  // Whether the view's `where` is true.
  bool Passes(int64_t row) const {
    return where_ == nullptr || (where_->IsValid(row) && where_->bools[row] != 0);
  }
  // Parallel to ViewPlan.inputs.
  absl::Span<const InputColumn> inputs() const { return inputs_; }

  // Of all batches taken.
  int64_t WhereErrors() const { return where_errors_; }
  int64_t Errors(size_t input) const { return counts_[input].errors; }
  int64_t NanValues(size_t input) const { return counts_[input].nan_values; }

 private:
  struct Counts {
    int64_t errors = 0;
    int64_t nan_values = 0;
  };

  const ViewTaskPlan& plan_;
  const EventColumns& of_task_;
  const Vector* where_ = nullptr;
  std::vector<InputColumn> inputs_;
  std::vector<Counts> counts_;  // parallel to inputs_
  int64_t where_errors_ = 0;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_EVENT_COLUMNS_H_
