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
  KeyColumn(const v1::Entity& entity, std::vector<int> columns)
      : entity_(entity), columns_(std::move(columns)) {}

  void Encode(const arrow::RecordBatch& batch);

  // False: a part of the key is null.
  bool IsValid(int64_t row) const { return ends_[row] >= 0; }
  std::string_view operator[](int64_t row) const {
    return std::string_view(bytes_).substr(begins_[row], ends_[row] - begins_[row]);
  }
  // The parts of a row's key as values. REQUIRES: IsValid(row).
  std::vector<Value> Parts(const arrow::RecordBatch& batch, int64_t row) const;
  const v1::Entity& entity() const { return entity_; }

 private:
  const v1::Entity& entity_;
  std::vector<int> columns_;
  std::string bytes_;
  std::vector<int64_t> begins_;
  std::vector<int64_t> ends_;  // -1: null
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
  absl::Span<const AggregateColumns> aggregates() const { return columns_; }

  // Counts since construction: of the `where`, then of each aggregate.
  int64_t WhereErrors() const { return where_ ? where_->errors() : 0; }
  int64_t Errors(size_t aggregate) const;
  int64_t NanValues(size_t aggregate) const { return aggregates_[aggregate].nan_values; }

 private:
  struct Aggregate {
    std::unique_ptr<Evaluator> argument, filter;
    Vector argument_column, filter_column;
    int64_t nan_values = 0;
  };

  KeyColumn keys_;
  std::unique_ptr<Evaluator> where_;
  Vector where_column_;
  std::vector<Aggregate> aggregates_;
  std::vector<AggregateColumns> columns_;  // into aggregates_
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_TASK_EVENT_COLUMNS_H_
