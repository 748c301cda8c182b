// + - * / div % and negation. Integers that overflow are errors; doubles follow IEEE 754, except
// that division by zero is an error.
#include <cmath>
#include <limits>

#include "engine/expression/kernel.h"

namespace forebay {
namespace {

constexpr auto kInt64 = DataType::kInt64;
constexpr auto kDouble = DataType::kDouble;
constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

bool AddInts(int64_t a, int64_t b, int64_t* result) {
  return !__builtin_add_overflow(a, b, result);
}
bool SubtractInts(int64_t a, int64_t b, int64_t* result) {
  return !__builtin_sub_overflow(a, b, result);
}
bool MultiplyInts(int64_t a, int64_t b, int64_t* result) {
  return !__builtin_mul_overflow(a, b, result);
}
bool NegateInt(int64_t a, int64_t* result) {
  return !__builtin_sub_overflow(int64_t{0}, a, result);
}

bool DivideInts(int64_t a, int64_t b, int64_t* result) {
  if (b == 0 || (a == kLeast && b == -1)) return false;
  *result = a / b;
  return true;
}

bool ModuloInts(int64_t a, int64_t b, int64_t* result) {
  if (b == 0 || (a == kLeast && b == -1)) return false;
  *result = a % b;
  return true;
}

double AddDoubles(double a, double b) { return a + b; }
double SubtractDoubles(double a, double b) { return a - b; }
double MultiplyDoubles(double a, double b) { return a * b; }
double NegateDouble(double a) { return -a; }

bool DivideDoubles(double a, double b, double* result) {
  if (b == 0) return false;
  *result = a / b;
  return true;
}

bool ModuloDoubles(double a, double b, double* result) {
  if (b == 0) return false;
  *result = std::fmod(a, b);
  return true;
}

}  // namespace

void AddArithmeticKernels(std::vector<Kernel>* kernels) {
  using Int = int64_t;
  const std::vector<DataType> ints = {kInt64, kInt64};
  const std::vector<DataType> doubles = {kDouble, kDouble};
  kernels->push_back({"add", ints, kInt64, TryRows<Int, Int, Int, AddInts>});
  kernels->push_back({"subtract", ints, kInt64, TryRows<Int, Int, Int, SubtractInts>});
  kernels->push_back({"multiply", ints, kInt64, TryRows<Int, Int, Int, MultiplyInts>});
  kernels->push_back({"integer_divide", ints, kInt64, TryRows<Int, Int, Int, DivideInts>});
  kernels->push_back({"modulo", ints, kInt64, TryRows<Int, Int, Int, ModuloInts>});
  kernels->push_back({"negate", {kInt64}, kInt64, TryRows<Int, Int, NegateInt>});
  kernels->push_back({"add", doubles, kDouble, MapRows<double, double, double, AddDoubles>});
  kernels->push_back(
      {"subtract", doubles, kDouble, MapRows<double, double, double, SubtractDoubles>});
  kernels->push_back(
      {"multiply", doubles, kDouble, MapRows<double, double, double, MultiplyDoubles>});
  kernels->push_back({"divide", doubles, kDouble, TryRows<double, double, double, DivideDoubles>});
  kernels->push_back({"modulo", doubles, kDouble, TryRows<double, double, double, ModuloDoubles>});
  kernels->push_back({"negate", {kDouble}, kDouble, MapRows<double, double, NegateDouble>});
}

}  // namespace forebay
