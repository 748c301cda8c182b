#include "engine/task/event_columns.h"

#include <arrow/api.h>

#include <cmath>

#include "engine/state/key.h"

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

bool IsText(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRING || type.id() == arrow::Type::BINARY;
}

// Of those that are not null.
int64_t CountNans(const Vector& vector) {
  if (vector.type != DataType::kDouble) return 0;
  int64_t nans = 0;
  for (int64_t row = 0; row < vector.length; ++row)
    nans += vector.IsValid(row) && std::isnan(vector.doubles[row]) ? 1 : 0;
  return nans;
}

// Clears the marks of rows in which a condition is not true.
void MarkTrue(const Vector& condition, uint8_t* marks) {
  for (int64_t row = 0; row < condition.length; ++row)
    marks[row] &= condition.IsValid(row) ? condition.bools[row] : 0;
}

}  // namespace

std::vector<Value> KeyColumn::Parts(const arrow::RecordBatch& batch, int64_t row) const {
  std::vector<Value> parts;
  for (int column : columns_) parts.push_back(ValueAt(*batch.column(column), row));
  return parts;
}

KeyColumn::KeyColumn(const arrow::Schema& schema, std::vector<int> columns)
    : columns_(std::move(columns)),
      raw_text_(columns_.size() == 1 && IsText(*schema.field(columns_[0])->type())) {}

void KeyColumn::AppendPart(const arrow::Array& column, int64_t row) {
  switch (column.type_id()) {
    case arrow::Type::BOOL:
      return AppendKeyBool(static_cast<const arrow::BooleanArray&>(column).Value(row), &bytes_);
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP:
      return AppendKeyInt(column.data()->GetValues<int64_t>(1)[row], &bytes_);
    default:
      return AppendKeyText(static_cast<const arrow::BinaryArray&>(column).GetView(row), &bytes_);
  }
}

void KeyColumn::Encode(const arrow::RecordBatch& batch) {
  int64_t rows = batch.num_rows();
  valid_.assign(rows, 1);
  keys_.resize(rows);
  arrow::ArrayVector columns;
  for (int index : columns_) {
    columns.push_back(batch.column(index));
    if (columns.back()->null_count() == 0) continue;
    for (int64_t row = 0; row < rows; ++row) valid_[row] &= columns.back()->IsValid(row) ? 1 : 0;
  }
  if (raw_text_) {
    const auto& texts = static_cast<const arrow::BinaryArray&>(*columns[0]);
    for (int64_t row = 0; row < rows; ++row) {
      if (IsValid(row)) keys_[row] = HashedKey(texts.GetView(row));
    }
    return;
  }
  bytes_.clear();
  ends_.resize(rows);
  for (int64_t row = 0; row < rows; ++row) {
    for (const auto& column : columns) {
      if (IsValid(row)) AppendPart(*column, row);
    }
    ends_[row] = bytes_.size();
  }
  size_t begin = 0;
  for (int64_t row = 0; row < rows; begin = ends_[row++])
    keys_[row] = HashedKey(std::string_view(bytes_).substr(begin, ends_[row] - begin));
}

EventColumns::EventColumns(const ColumnsPlan& plan, const arrow::Schema& schema)
    : plan_(plan), evaluator_(*plan.program), inputs_(plan.inputs.size()) {
  for (const std::vector<int>& columns : plan.keys) keys_.emplace_back(schema, columns);
}

void EventColumns::Evaluate(const arrow::RecordBatch& batch) {
  for (KeyColumn& keys : keys_) keys.Encode(batch);
  expressions_ = evaluator_.Evaluate(batch);
  for (size_t i = 0; i < inputs_.size(); ++i)
    EvaluateInput(plan_.inputs[i], batch.num_rows(), &inputs_[i]);
}

// Marks the rows that an input reads, unless it reads all.
void EventColumns::EvaluateInput(const ColumnsPlan::Input& plan, int64_t rows, Input* input) const {
  const Vector* filter = plan.filter == ColumnsPlan::kNone ? nullptr : &expressions_[plan.filter];
  const Vector* argument =
      plan.argument == ColumnsPlan::kNone ? nullptr : &expressions_[plan.argument];
  input->nan_values = argument == nullptr ? 0 : CountNans(*argument);
  input->column = {argument, nullptr};
  const bool skips_nulls = argument != nullptr && argument->valid != nullptr && !plan.takes_nulls;
  const bool skips_nans = input->nan_values > 0 && !plan.takes_nulls;
  if (filter == nullptr && !skips_nulls && !skips_nans) return;
  input->reads.assign(rows, 1);
  uint8_t* reads = input->reads.data();
  input->column.reads = reads;
  if (filter != nullptr) MarkTrue(*filter, reads);
  if (skips_nulls) {
    for (int64_t row = 0; row < rows; ++row) reads[row] &= argument->valid[row];
  }
  if (!skips_nans) return;
  for (int64_t row = 0; row < rows; ++row) reads[row] &= std::isnan(argument->doubles[row]) ? 0 : 1;
}

int64_t EventColumns::InputErrors(int input) const {
  const ColumnsPlan::Input& plan = plan_.inputs[input];
  return (plan.argument == ColumnsPlan::kNone ? 0 : Errors(plan.argument)) +
         (plan.filter == ColumnsPlan::kNone ? 0 : Errors(plan.filter));
}

ViewColumns::ViewColumns(const ViewTaskPlan& plan, const EventColumns& of_task)
    : plan_(plan), of_task_(of_task), inputs_(plan.inputs.size()), counts_(plan.inputs.size()) {}

void ViewColumns::Take() {
  if (plan_.where != ColumnsPlan::kNone) {
    where_ = &of_task_.expression(plan_.where);
    where_errors_ += of_task_.Errors(plan_.where);
  }
  for (size_t i = 0; i < inputs_.size(); ++i) {
    inputs_[i] = of_task_.input(plan_.inputs[i]);
    counts_[i].errors += of_task_.InputErrors(plan_.inputs[i]);
    counts_[i].nan_values += of_task_.NanValues(plan_.inputs[i]);
  }
}

}  // namespace forebay
