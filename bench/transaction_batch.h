// Transactions as decoded batches in memory, of the columns that a task asks for.
//
//   TransactionBatch batch(plan);
//   batch.Add(transaction, Offset(0));
//   EventBatch events = batch.Finish();  // and empty again
#ifndef FOREBAY_BENCH_TRANSACTION_BATCH_H_
#define FOREBAY_BENCH_TRANSACTION_BATCH_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/transaction_stream.h"
#include "engine/batch/event_batch.h"
#include "engine/task/task_plan.h"

namespace arrow {
class ArrayBuilder;
}

namespace forebay {

class TransactionBatch {
 public:
  // `plan` outlives it. Its columns are fields of the transactions, with their types.
  explicit TransactionBatch(const TaskPlan& plan);
  TransactionBatch(TransactionBatch&&) noexcept;
  ~TransactionBatch();

  void Add(const Transaction& transaction, Offset offset);
  size_t size() const { return events_.size(); }
  EventBatch Finish();

 private:
  struct Column {
    std::unique_ptr<arrow::ArrayBuilder> builder;
    std::function<void(const Transaction&)> append;
  };

  const TaskPlan* plan_;
  std::vector<Column> columns_;
  std::shared_ptr<std::deque<std::string>> keys_ = std::make_shared<std::deque<std::string>>();
  EventBatch events_;
};

}  // namespace forebay

#endif  // FOREBAY_BENCH_TRANSACTION_BATCH_H_
