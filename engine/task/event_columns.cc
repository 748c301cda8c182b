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

}  // namespace

std::vector<Value> KeyColumn::Parts(const arrow::RecordBatch& batch, int64_t row) const {
  std::vector<Value> parts;
  for (int column : columns_) parts.push_back(ValueAt(*batch.column(column), row));
  return parts;
}

KeyColumn::KeyColumn(const v1::Entity& entity, std::vector<int> columns)
    : columns_(std::move(columns)), raw_text_(IsRawTextKey(entity)) {}

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

EventColumns::EventColumns(const ViewTaskPlan& plan)
    : keys_(*plan.entity, plan.key_columns), inputs_(plan.inputs.size()) {
  if (plan.where) where_ = std::make_unique<Evaluator>(*plan.where);
  for (size_t i = 0; i < plan.inputs.size(); ++i) {
    const InputPrograms& programs = plan.inputs[i];
    InputColumn& column = columns_.emplace_back();
    if (programs.argument) {
      inputs_[i].argument = std::make_unique<Evaluator>(*programs.argument);
      column.argument = &inputs_[i].argument_column;
    }
    if (programs.filter) inputs_[i].filter = std::make_unique<Evaluator>(*programs.filter);
  }
}

void EventColumns::Evaluate(const arrow::RecordBatch& batch) {
  keys_.Encode(batch);
  if (where_) where_column_ = where_->Evaluate(batch);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    Input& input = inputs_[i];
    if (input.argument) input.argument_column = input.argument->Evaluate(batch);
    Vector filter;
    if (input.filter) filter = input.filter->Evaluate(batch);
    columns_[i].reads = MarkRead(input.filter ? &filter : nullptr, batch.num_rows(), &input);
  }
}

// The mask of the rows that an input reads, and counts NaNs; null if it reads all.
const uint8_t* EventColumns::MarkRead(const Vector* filter, int64_t rows, Input* input) {
  const Vector* argument = input->argument ? &input->argument_column : nullptr;
  bool all = filter == nullptr && (argument == nullptr || argument->valid == nullptr);
  input->reads.assign(rows, 1);
  uint8_t* reads = input->reads.data();
  if (filter != nullptr) {
    for (int64_t row = 0; row < rows; ++row)
      reads[row] = filter->IsValid(row) && filter->bools[row];
  }
  if (argument == nullptr) return all ? nullptr : reads;
  if (argument->valid != nullptr) {
    for (int64_t row = 0; row < rows; ++row) reads[row] &= argument->valid[row];
  }
  if (argument->type == DataType::kDouble) {
    int64_t nans = 0;
    for (int64_t row = 0; row < rows; ++row) {
      bool nan = argument->IsValid(row) && std::isnan(argument->doubles[row]);
      nans += nan ? 1 : 0;
      reads[row] &= nan ? 0 : 1;
    }
    input->nan_values += nans;
    all = all && nans == 0;
  }
  return all ? nullptr : reads;
}

int64_t EventColumns::Errors(size_t input) const {
  const Input& at = inputs_[input];
  return (at.argument ? at.argument->errors() : 0) + (at.filter ? at.filter->errors() : 0);
}

}  // namespace forebay
