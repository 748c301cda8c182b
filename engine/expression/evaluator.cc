#include <cstring>
#include <numeric>
#include <utility>

#include "arrow/array/data.h"
#include "arrow/record_batch.h"
#include "engine/expression/code.h"

namespace forebay {
namespace {

// A bitmap, least bit first, as one byte a row.
const uint8_t* ExpandBits(const uint8_t* bits, int64_t offset, int64_t length, Scratch* scratch) {
  uint8_t* bytes = scratch->Reserve<uint8_t>(length);
  for (int64_t row = 0; row < length; ++row) {
    const int64_t bit = offset + row;
    bytes[row] = bits[bit >> 3] >> (bit & 7) & 1;
  }
  return bytes;
}

const std::string_view* MakeViews(const arrow::ArrayData& data, const uint8_t* valid,
                                  Scratch* scratch) {
  auto* views = scratch->Reserve<std::string_view>(data.length);
  const auto* offsets = data.GetValues<int32_t>(1);
  const char* bytes =
      data.buffers[2] == nullptr ? "" : reinterpret_cast<const char*>(data.buffers[2]->data());
  for (int64_t row = 0; row < data.length; ++row) {
    const bool is_null = valid != nullptr && valid[row] == 0;
    views[row] = is_null ? std::string_view()
                         : std::string_view(bytes + offsets[row],
                                            static_cast<size_t>(offsets[row + 1] - offsets[row]));
  }
  return views;
}

void LoadColumn(const arrow::ArrayData& data, Register* target) {
  Vector& vector = target->vector;
  vector.length = data.length;
  vector.valid = data.GetNullCount() == 0 ? nullptr
                                          : ExpandBits(data.buffers[0]->data(), data.offset,
                                                       data.length, &target->valid);
  switch (vector.type) {
    case DataType::kBool:
      vector.bools = data.length == 0 ? nullptr
                                      : ExpandBits(data.buffers[1]->data(), data.offset,
                                                   data.length, &target->values);
      return;
    case DataType::kInt64:
    case DataType::kTimestamp:
      vector.ints = data.GetValues<int64_t>(1);
      return;
    case DataType::kDouble:
      vector.doubles = data.GetValues<double>(1);
      return;
    case DataType::kString:
    case DataType::kBytes:
      vector.strings = MakeViews(data, vector.valid, &target->values);
      return;
  }
}

template <typename T>
T* Fill(Scratch* scratch, int64_t length, T value) {
  T* values = scratch->Reserve<T>(length);
  std::fill_n(values, length, value);
  return values;
}

void FillConstant(const Value& value, int64_t length, Register* target) {
  Vector& vector = target->vector;
  vector.valid = IsNull(value) ? Fill<uint8_t>(&target->valid, length, 0) : nullptr;
  switch (vector.type) {
    case DataType::kBool:
      vector.bools =
          Fill<uint8_t>(&target->values, length, !IsNull(value) && std::get<bool>(value));
      return;
    case DataType::kInt64:
    case DataType::kTimestamp:
      vector.ints =
          Fill<int64_t>(&target->values, length, IsNull(value) ? 0 : std::get<int64_t>(value));
      return;
    case DataType::kDouble:
      vector.doubles =
          Fill<double>(&target->values, length, IsNull(value) ? 0 : std::get<double>(value));
      return;
    case DataType::kString:
    case DataType::kBytes:
      vector.strings =
          Fill<std::string_view>(&target->values, length,
                                 IsNull(value) ? std::string_view() : std::get<std::string>(value));
      return;
  }
}

// A row is null if it is in any argument. One mask is shared, several are merged.
void MergeValid(std::span<Register* const> arguments, int64_t length, Register* result) {
  const uint8_t* merged = nullptr;
  for (const Register* argument : arguments) {
    const uint8_t* valid = argument->vector.valid;
    if (valid == nullptr || valid == merged) continue;
    if (merged == nullptr) {
      merged = valid;
      continue;
    }
    uint8_t* both = result->valid.Reserve<uint8_t>(length);
    for (int64_t row = 0; row < length; ++row) both[row] = merged[row] & valid[row];
    merged = both;
  }
  result->vector.valid = merged;
}

void MergeErrors(std::span<Register* const> arguments, int64_t length, Register* result) {
  for (const Register* argument : arguments) {
    if (argument->errors == nullptr) continue;
    uint8_t* merged = result->error_flags.Reserve<uint8_t>(length);
    if (result->errors == nullptr) std::memset(merged, 0, static_cast<size_t>(length));
    result->errors = merged;
    for (int64_t row = 0; row < length; ++row) merged[row] |= argument->errors[row];
  }
}

}  // namespace

Machine::Machine(std::shared_ptr<const ProgramCode> code)
    : code_(std::move(code)), registers_(code_->registers.size()) {
  for (size_t i = 0; i < registers_.size(); ++i) registers_[i].vector.type = code_->registers[i];
  for (const ProgramCode::Constant& constant : code_->constants) {
    registers_[static_cast<size_t>(constant.target)].constant = true;
  }
  for (const ProgramCode::Step& step : code_->steps) {
    Call call{step.kernel, {}, &registers_[static_cast<size_t>(step.target)]};
    for (const int argument : step.arguments) {
      call.arguments.push_back(&registers_[static_cast<size_t>(argument)]);
    }
    calls_.push_back(std::move(call));
  }
  results_.resize(code_->results.size());
}

void Machine::FillConstants(int64_t length) {
  const bool grows = length > filled_;
  for (const ProgramCode::Constant& constant : code_->constants) {
    Register& target = registers_[static_cast<size_t>(constant.target)];
    if (grows) FillConstant(constant.value, length, &target);
    target.vector.length = length;
  }
  if (grows) filled_ = length;
}

void Machine::RunCall(const Call& call, int64_t length) {
  Register* result = call.result;
  result->vector.length = length;
  result->vector.valid = nullptr;
  result->errors = nullptr;
  if (call.kernel->nulls == NullRule::kStrict) MergeValid(call.arguments, length, result);
  if (call.kernel->nulls != NullRule::kOwnAll) MergeErrors(call.arguments, length, result);
  call.kernel->run(KernelCall(length, call.arguments, result, &arena_));
}

absl::Span<const Vector> Machine::Run(const arrow::RecordBatch* batch, int64_t length) {
  arena_.Reset();
  FillConstants(length);
  for (const ProgramCode::Column& column : code_->columns) {
    LoadColumn(*batch->column_data(column.index), &registers_[static_cast<size_t>(column.target)]);
  }
  for (const Call& call : calls_) RunCall(call, length);
  for (size_t i = 0; i < results_.size(); ++i) {
    results_[i] = registers_[static_cast<size_t>(code_->results[i])].vector;
  }
  return results_;
}

int64_t Machine::errors(size_t result) const {
  const Register& of = registers_[static_cast<size_t>(code_->results[result])];
  if (of.errors == nullptr) return 0;
  return std::accumulate(of.errors, of.errors + of.vector.length, int64_t{0});
}

Evaluator::Evaluator(const Program& program)
    : registers_(new Registers{Machine(std::shared_ptr<const ProgramCode>(program.code_))}) {}
Evaluator::Evaluator(Evaluator&&) noexcept = default;
Evaluator::~Evaluator() = default;

absl::Span<const Vector> Evaluator::Evaluate(const arrow::RecordBatch& batch) {
  return registers_->machine.Run(&batch, batch.num_rows());
}

int64_t Evaluator::errors(size_t expression) const {
  return registers_->machine.errors(expression);
}

}  // namespace forebay
