#include "engine/task/event_columns.h"

#include <arrow/api.h>

#include <cmath>

#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"

namespace forebay {
namespace {

Value ValueAt(const arrow::Array& array, int64_t row) {
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(row);
    case arrow::Type::INT64:
      return static_cast<const arrow::Int64Array&>(array).Value(row);
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampArray&>(array).Value(row);
    default:
      return std::string(static_cast<const arrow::BinaryArray&>(array).GetView(row));
  }
}

int64_t CountNan(const Vector& column) {
  if (column.type != DataType::kDouble) return 0;
  int64_t count = 0;
  for (int64_t row = 0; row < column.length; ++row) {
    count += column.IsValid(row) && std::isnan(column.doubles[row]);
  }
  return count;
}

}  // namespace

std::vector<Value> KeyColumn::Parts(const arrow::RecordBatch& batch, int64_t row) const {
  std::vector<Value> parts;
  for (int column : columns_) parts.push_back(ValueAt(*batch.column(column), row));
  return parts;
}

void KeyColumn::Encode(const arrow::RecordBatch& batch) {
  int64_t rows = batch.num_rows();
  bytes_.clear();
  begins_.resize(rows);
  ends_.resize(rows);
  bool lone_string = columns_.size() == 1 && entity_.keys(0).type() == v1::STRING;
  for (int64_t row = 0; row < rows; ++row) {
    bool null = false;
    for (int column : columns_) null = null || batch.column_data(column)->IsNull(row);
    begins_[row] = static_cast<int64_t>(bytes_.size());
    if (null) {
      ends_[row] = -1;
      continue;
    }
    if (lone_string) {
      bytes_ += static_cast<const arrow::BinaryArray&>(*batch.column(columns_[0])).GetView(row);
    } else {
      bytes_ += EncodeKey(entity_, Parts(batch, row));
    }
    ends_[row] = static_cast<int64_t>(bytes_.size());
  }
}

EventColumns::EventColumns(const ViewTaskPlan& plan)
    : keys_(*plan.entity, plan.key_columns), aggregates_(plan.aggregates.size()) {
  if (plan.where) where_ = std::make_unique<Evaluator>(*plan.where);
  for (size_t i = 0; i < plan.aggregates.size(); ++i) {
    const AggregatePrograms& programs = plan.aggregates[i];
    Aggregate& aggregate = aggregates_[i];
    AggregateColumns& columns = columns_.emplace_back();
    if (programs.argument) {
      aggregate.argument = std::make_unique<Evaluator>(*programs.argument);
      columns.argument = &aggregate.argument_column;
    }
    if (programs.filter) {
      aggregate.filter = std::make_unique<Evaluator>(*programs.filter);
      columns.filter = &aggregate.filter_column;
    }
  }
}

void EventColumns::Evaluate(const arrow::RecordBatch& batch) {
  keys_.Encode(batch);
  if (where_) where_column_ = where_->Evaluate(batch);
  for (Aggregate& aggregate : aggregates_) {
    if (aggregate.argument) {
      aggregate.argument_column = aggregate.argument->Evaluate(batch);
      aggregate.nan_values += CountNan(aggregate.argument_column);
    }
    if (aggregate.filter) aggregate.filter_column = aggregate.filter->Evaluate(batch);
  }
}

int64_t EventColumns::Errors(size_t aggregate) const {
  const Aggregate& at = aggregates_[aggregate];
  return (at.argument ? at.argument->errors() : 0) + (at.filter ? at.filter->errors() : 0);
}

}  // namespace forebay
