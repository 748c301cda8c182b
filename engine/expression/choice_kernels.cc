// case, coalesce, greatest, least, over every type.
#include "engine/expression/kernel.h"
#include "engine/expression/order.h"

namespace forebay {
namespace {

uint8_t ErrorOf(const Register& argument, int64_t row) {
  return argument.errors == nullptr ? 0 : argument.errors[row];
}

// The index of the first `then` whose `when` is true, else of the `else`; adds the errors of the
// conditions that were looked at.
int Branch(const KernelCall& call, int64_t row, uint8_t* error) {
  const int otherwise = call.count() - 1;
  for (int i = 0; i < otherwise; i += 2) {
    const Vector& condition = call.argument(i).vector;
    *error |= ErrorOf(call.argument(i), row);
    if (condition.bools[row] != 0 && condition.IsValid(row)) return i + 1;
  }
  return otherwise;
}

template <typename T>
void Case(const KernelCall& call) {
  T* result = call.Result<T>();
  uint8_t* valid = call.ResultValid();
  uint8_t* errors = call.AnyErrors() ? call.ResultErrors() : nullptr;
  for (int64_t row = 0; row < call.length(); ++row) {
    uint8_t error = 0;
    const int branch = Branch(call, row, &error);
    result[row] = call.Argument<T>(branch)[row];
    valid[row] = call.argument(branch).vector.IsValid(row);
    if (errors != nullptr) errors[row] = error | ErrorOf(call.argument(branch), row);
  }
}

template <typename T>
void Coalesce(const KernelCall& call) {
  T* result = call.Result<T>();
  uint8_t* valid = call.ResultValid();
  uint8_t* errors = call.AnyErrors() ? call.ResultErrors() : nullptr;
  for (int64_t row = 0; row < call.length(); ++row) {
    int i = 0;
    uint8_t error = 0;
    for (; i < call.count() - 1 && !call.argument(i).vector.IsValid(row); ++i) {
      error |= ErrorOf(call.argument(i), row);
    }
    result[row] = call.Argument<T>(i)[row];
    valid[row] = call.argument(i).vector.IsValid(row);
    if (errors != nullptr) errors[row] = error | ErrorOf(call.argument(i), row);
  }
}

// Of the values that are not null, the first that none is greater (less) than.
template <typename T, bool greatest>
void Extreme(const KernelCall& call) {
  T* result = call.Result<T>();
  uint8_t* valid = call.ResultValid();
  for (int64_t row = 0; row < call.length(); ++row) {
    bool found = false;
    T best = T();
    for (int i = 0; i < call.count(); ++i) {
      if (!call.argument(i).vector.IsValid(row)) continue;
      const T value = call.Argument<T>(i)[row];
      if (!found || (greatest ? LessValues<T>(best, value) : LessValues<T>(value, best)))
        best = value;
      found = true;
    }
    result[row] = best;
    valid[row] = found;
  }
}

template <DataType type>
void AddChoices(std::vector<Kernel>* kernels) {
  using T = typename ValueOf<type>::Type;
  kernels->push_back({"case", {type}, type, Case<T>, NullRule::kOwnAll, Shape::kCase});
  kernels->push_back({"coalesce", {type}, type, Coalesce<T>, NullRule::kOwnAll, Shape::kVariadic});
  kernels->push_back(
      {"greatest", {type}, type, Extreme<T, true>, NullRule::kOwn, Shape::kVariadic});
  kernels->push_back({"least", {type}, type, Extreme<T, false>, NullRule::kOwn, Shape::kVariadic});
}

}  // namespace

void AddChoiceKernels(std::vector<Kernel>* kernels) {
  AddChoices<DataType::kBool>(kernels);
  AddChoices<DataType::kInt64>(kernels);
  AddChoices<DataType::kDouble>(kernels);
  AddChoices<DataType::kString>(kernels);
  AddChoices<DataType::kBytes>(kernels);
  AddChoices<DataType::kTimestamp>(kernels);
}

}  // namespace forebay
