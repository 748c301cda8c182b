// abs, round, floor, ceil, logarithms, exp, sqrt, power. Outside the domain of a logarithm or root:
// an error.
#include <array>
#include <cmath>
#include <limits>

#include "engine/expression/kernel.h"

namespace forebay {
namespace {

bool AbsInt(int64_t a, int64_t* result) {
  *result = a < 0 ? -static_cast<uint64_t>(a) : a;
  return a != std::numeric_limits<int64_t>::min();
}

int64_t RoundInt(int64_t a) { return a; }

// To 10^-digits, halves away from zero.
bool RoundIntDigits(int64_t a, int64_t digits, int64_t* result) {
  *result = digits >= 0 ? a : 0;
  if (digits >= 0 || digits < -18) return true;
  int64_t unit = 1;
  for (int64_t i = digits; i < 0; ++i) unit *= 10;
  const int64_t rest = a % unit;
  const int64_t down = a - rest;
  if (rest >= unit / 2) return !__builtin_add_overflow(down, unit, result);
  if (rest <= -(unit / 2)) return !__builtin_sub_overflow(down, unit, result);
  *result = down;
  return true;
}

// Scales, rounds halves away from zero, and scales back; where the scale is out of a double's
// reach, all digits stay, or none.
double RoundDigits(double a, int64_t digits) {
  const double unit = std::pow(10, std::abs(static_cast<double>(digits)));
  if (digits < 0) {
    const double rounded = std::round(a / unit) * unit;
    return std::isfinite(rounded) ? rounded : 0;
  }
  const double rounded = std::round(a * unit) / unit;
  return std::isfinite(rounded) ? rounded : a;
}

double AbsDouble(double a) { return std::fabs(a); }
double Round(double a) { return std::round(a); }
double Floor(double a) { return std::floor(a); }
double Ceil(double a) { return std::ceil(a); }
double Exp(double a) { return std::exp(a); }
double Power(double a, double b) { return std::pow(a, b); }

// NaN passes.
template <double (*logarithm)(double)>
bool Logarithm(double a, double* result) {
  if (a <= 0) return false;
  *result = logarithm(a);
  return true;
}

double NaturalLog(double a) { return std::log(a); }
double DecimalLog(double a) { return std::log10(a); }
double BinaryLog(double a) { return std::log2(a); }

bool SquareRoot(double a, double* result) {
  if (a < 0) return false;
  *result = std::sqrt(a);
  return true;
}

}  // namespace

void AddMathKernels(std::vector<Kernel>* kernels) {
  using Int = int64_t;
  constexpr auto kInt64 = DataType::kInt64;
  constexpr auto kDouble = DataType::kDouble;
  kernels->push_back({"abs", {kInt64}, kInt64, TryRows<Int, Int, AbsInt>});
  kernels->push_back({"abs", {kDouble}, kDouble, MapRows<double, double, AbsDouble>});
  kernels->push_back({"round", {kInt64}, kInt64, MapRows<Int, Int, RoundInt>});
  kernels->push_back({"round", {kInt64, kInt64}, kInt64, TryRows<Int, Int, Int, RoundIntDigits>});
  kernels->push_back({"round", {kDouble}, kDouble, MapRows<double, double, Round>});
  kernels->push_back(
      {"round", {kDouble, kInt64}, kDouble, MapRows<double, Int, double, RoundDigits>});
  kernels->push_back({"floor", {kDouble}, kDouble, MapRows<double, double, Floor>});
  kernels->push_back({"ceil", {kDouble}, kDouble, MapRows<double, double, Ceil>});
  kernels->push_back({"exp", {kDouble}, kDouble, MapRows<double, double, Exp>});
  kernels->push_back({"ln", {kDouble}, kDouble, TryRows<double, double, Logarithm<NaturalLog>>});
  kernels->push_back({"log10", {kDouble}, kDouble, TryRows<double, double, Logarithm<DecimalLog>>});
  kernels->push_back({"log2", {kDouble}, kDouble, TryRows<double, double, Logarithm<BinaryLog>>});
  kernels->push_back({"sqrt", {kDouble}, kDouble, TryRows<double, double, SquareRoot>});
  kernels->push_back(
      {"power", {kDouble, kDouble}, kDouble, MapRows<double, double, double, Power>});
}

}  // namespace forebay
