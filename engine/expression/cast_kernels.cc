// cast(x as type). A value that the type cannot hold is an error.
#include <cmath>

#include "engine/expression/kernel.h"
#include "engine/expression/text_number.h"
#include "schemas/sql/timestamp_text.h"

namespace forebay {
namespace {

constexpr auto kBool = DataType::kBool;
constexpr auto kInt64 = DataType::kInt64;
constexpr auto kDouble = DataType::kDouble;
constexpr auto kString = DataType::kString;
constexpr auto kBytes = DataType::kBytes;
constexpr auto kTimestamp = DataType::kTimestamp;

uint8_t IntToBool(int64_t a) { return a != 0; }
uint8_t DoubleToBool(double a) { return a != 0; }
int64_t BoolToInt(uint8_t a) { return a; }
double BoolToDouble(uint8_t a) { return a; }
double IntToDouble(int64_t a) { return static_cast<double>(a); }

// Halves to even.
bool DoubleToInt(double a, int64_t* result) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (!(a >= -kLimit && a < kLimit)) return false;
  *result = static_cast<int64_t>(std::nearbyint(a));
  return true;
}

bool StringToTimestamp(std::string_view text, int64_t* result) {
  const std::optional<int64_t> micros = ParseTimestampText(text);
  *result = micros.value_or(0);
  return micros.has_value();
}

std::string_view BoolText(uint8_t a) { return a != 0 ? "true" : "false"; }

// `format` writes at most `room` bytes.
template <typename T, size_t (*format)(T, char*), size_t room>
void ToText(const KernelCall& call) {
  const T* a = call.Argument<T>(0);
  const Vector& vector = call.argument(0).vector;
  auto* result = call.Result<std::string_view>();
  for (int64_t row = 0; row < call.length(); ++row) {
    if (!vector.IsValid(row)) {
      result[row] = {};
      continue;
    }
    char* text = call.arena()->Allocate(room);
    const size_t size = format(a[row], text);
    call.arena()->Shrink(room - size);
    result[row] = {text, size};
  }
}

size_t FormatTimestamp(int64_t micros, char* out) {
  return FormatTimestampText(micros, out).size();
}

void BytesToText(const KernelCall& call) {
  const auto* a = call.Argument<std::string_view>(0);
  auto* result = call.Result<std::string_view>();
  for (int64_t row = 0; row < call.length(); ++row) {
    const size_t room = a[row].size() * 4;
    char* text = call.arena()->Allocate(room);
    const size_t size = FormatBytes(a[row], text);
    call.arena()->Shrink(room - size);
    result[row] = {text, size};
  }
}

void TextToBytes(const KernelCall& call) {
  const auto* a = call.Argument<std::string_view>(0);
  auto* result = call.Result<std::string_view>();
  for (int64_t row = 0; row < call.length(); ++row) {
    char* bytes = call.arena()->Allocate(a[row].size());
    size_t size = 0;
    if (ParseBytesText(a[row], bytes, &size)) {
      result[row] = {bytes, size};
    } else {
      result[row] = {};
      call.Fail(row);
    }
  }
}

}  // namespace

void AddCastKernels(std::vector<Kernel>* kernels) {
  using Text = std::string_view;
  const auto add = [&](DataType from, DataType to, void (*run)(const KernelCall&)) {
    kernels->push_back({"cast", {from}, to, run});
  };
  add(kInt64, kBool, MapRows<int64_t, uint8_t, IntToBool>);
  add(kDouble, kBool, MapRows<double, uint8_t, DoubleToBool>);
  add(kString, kBool, TryRows<Text, uint8_t, ParseBoolText>);
  add(kBool, kInt64, MapRows<uint8_t, int64_t, BoolToInt>);
  add(kDouble, kInt64, TryRows<double, int64_t, DoubleToInt>);
  add(kString, kInt64, TryRows<Text, int64_t, ParseInt64Text>);
  add(kBool, kDouble, MapRows<uint8_t, double, BoolToDouble>);
  add(kInt64, kDouble, MapRows<int64_t, double, IntToDouble>);
  add(kString, kDouble, TryRows<Text, double, ParseDoubleText>);
  add(kString, kTimestamp, TryRows<Text, int64_t, StringToTimestamp>);
  add(kString, kBytes, TextToBytes);
  add(kBool, kString, MapRows<uint8_t, Text, BoolText>);
  add(kInt64, kString, ToText<int64_t, FormatInt64, kMaxNumberText>);
  add(kDouble, kString, ToText<double, FormatDouble, kMaxNumberText>);
  add(kTimestamp, kString, ToText<int64_t, FormatTimestamp, kMaxTimestampText>);
  add(kBytes, kString, BytesToText);
}

}  // namespace forebay
