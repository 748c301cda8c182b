// = <> < <= > >=, is [not] distinct from, is [not] null, in; over every type.
#include <cstring>

#include "engine/expression/kernel.h"
#include "engine/expression/order.h"

namespace forebay {
namespace {

template <typename T>
uint8_t Equal(T a, T b) {
  return EqualValues<T>(a, b);
}
template <typename T>
uint8_t NotEqual(T a, T b) {
  return !EqualValues<T>(a, b);
}
template <typename T>
uint8_t Less(T a, T b) {
  return LessValues<T>(a, b);
}
template <typename T>
uint8_t LessEqual(T a, T b) {
  return !LessValues<T>(b, a);
}
template <typename T>
uint8_t Greater(T a, T b) {
  return LessValues<T>(b, a);
}
template <typename T>
uint8_t GreaterEqual(T a, T b) {
  return !LessValues<T>(a, b);
}

// Two nulls are alike, a null and a value are not.
template <typename T, bool wanted>
void Alike(const KernelCall& call) {
  const T* a = call.Argument<T>(0);
  const T* b = call.Argument<T>(1);
  const Vector& left = call.argument(0).vector;
  const Vector& right = call.argument(1).vector;
  uint8_t* result = call.Result<uint8_t>();
  for (int64_t row = 0; row < call.length(); ++row) {
    const bool valid = left.IsValid(row);
    const bool alike = valid == right.IsValid(row) && (!valid || EqualValues<T>(a[row], b[row]));
    result[row] = alike == wanted;
  }
}

template <bool wanted>
void IsNull(const KernelCall& call) {
  const Vector& vector = call.argument(0).vector;
  uint8_t* result = call.Result<uint8_t>();
  for (int64_t row = 0; row < call.length(); ++row) result[row] = vector.IsValid(row) != wanted;
}

// Adds one item of an `in` list: where it equals the value, and where it is null.
template <typename T>
void AddItem(const T* value, const Register& item, const T* items, int64_t length, uint8_t* result,
             uint8_t* valid) {
  if (item.constant && item.vector.IsValid(0)) {
    const T one = items[0];
    for (int64_t row = 0; row < length; ++row) result[row] |= EqualValues<T>(value[row], one);
    return;
  }
  for (int64_t row = 0; row < length; ++row) {
    const bool known = item.vector.IsValid(row);
    result[row] |= known && EqualValues<T>(value[row], items[row]);
    valid[row] &= known;
  }
}

// True if an item equals the value, else null if any of them is null.
template <typename T>
void In(const KernelCall& call) {
  const auto length = static_cast<size_t>(call.length());
  if (length == 0) return;
  uint8_t* result = call.Result<uint8_t>();
  uint8_t* valid = call.ResultValid();
  std::memset(result, 0, length);
  std::memset(valid, 1, length);
  for (int i = 1; i < call.count(); ++i) {
    AddItem(call.Argument<T>(0), call.argument(i), call.Argument<T>(i), call.length(), result,
            valid);
  }
  const Vector& value = call.argument(0).vector;
  for (int64_t row = 0; row < call.length(); ++row) {
    valid[row] = value.IsValid(row) && (valid[row] | result[row]);
  }
}

template <DataType type>
void AddComparisons(std::vector<Kernel>* kernels) {
  using T = typename ValueOf<type>::Type;
  constexpr auto kBool = DataType::kBool;
  const std::vector<DataType> two = {type, type};
  kernels->push_back({"equal", two, kBool, MapRows<T, T, uint8_t, Equal<T>>});
  kernels->push_back({"not_equal", two, kBool, MapRows<T, T, uint8_t, NotEqual<T>>});
  kernels->push_back({"less", two, kBool, MapRows<T, T, uint8_t, Less<T>>});
  kernels->push_back({"less_equal", two, kBool, MapRows<T, T, uint8_t, LessEqual<T>>});
  kernels->push_back({"greater", two, kBool, MapRows<T, T, uint8_t, Greater<T>>});
  kernels->push_back({"greater_equal", two, kBool, MapRows<T, T, uint8_t, GreaterEqual<T>>});
  kernels->push_back({"distinct", two, kBool, Alike<T, false>, NullRule::kOwn});
  kernels->push_back({"not_distinct", two, kBool, Alike<T, true>, NullRule::kOwn});
  kernels->push_back({"is_null", {type}, kBool, IsNull<true>, NullRule::kOwn});
  kernels->push_back({"is_not_null", {type}, kBool, IsNull<false>, NullRule::kOwn});
  kernels->push_back({"in", {type}, kBool, In<T>, NullRule::kOwn, Shape::kVariadic});
}

}  // namespace

void AddComparisonKernels(std::vector<Kernel>* kernels) {
  AddComparisons<DataType::kBool>(kernels);
  AddComparisons<DataType::kInt64>(kernels);
  AddComparisons<DataType::kDouble>(kernels);
  AddComparisons<DataType::kString>(kernels);
  AddComparisons<DataType::kBytes>(kernels);
  AddComparisons<DataType::kTimestamp>(kernels);
}

}  // namespace forebay
