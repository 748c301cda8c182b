// and, or, not, with three-valued logic.
#include "engine/expression/kernel.h"

namespace forebay {
namespace {

uint8_t Not(uint8_t a) { return a ^ 1; }

// `decisive` decides alone: false for and, true for or. Then errors in other operands don't count,
// so that `x <> 0 and y / x > 1` has none.
template <bool decisive>
void Logic(const KernelCall& call) {
  const int64_t length = call.length();
  uint8_t* result = call.Result<uint8_t>();
  bool any_null = false;
  for (int i = 0; i < call.count(); ++i) any_null |= call.argument(i).vector.valid != nullptr;
  if (!any_null) {
    const uint8_t* first = call.Argument<uint8_t>(0);
    const uint8_t* second = call.Argument<uint8_t>(call.count() > 1 ? 1 : 0);
    for (int64_t row = 0; row < length; ++row) {
      result[row] = decisive ? first[row] | second[row] : first[row] & second[row];
    }
    for (int i = 2; i < call.count(); ++i) {
      const uint8_t* operand = call.Argument<uint8_t>(i);
      for (int64_t row = 0; row < length; ++row) {
        result[row] = decisive ? result[row] | operand[row] : result[row] & operand[row];
      }
    }
    return;
  }
  uint8_t* valid = call.ResultValid();
  for (int64_t row = 0; row < length; ++row) {
    bool decided = false;
    bool known = true;
    for (int i = 0; i < call.count(); ++i) {
      const Vector& operand = call.argument(i).vector;
      const bool operand_known = operand.IsValid(row);
      decided |= operand_known && (operand.bools[row] != 0) == decisive;
      known &= operand_known;
    }
    result[row] = decided == decisive;
    valid[row] = decided || known;
  }
  if (!call.AnyErrors()) return;
  uint8_t* errors = call.ResultErrors();
  for (int i = 0; i < call.count(); ++i) {
    const uint8_t* operand = call.argument(i).errors;
    if (operand == nullptr) continue;
    for (int64_t row = 0; row < length; ++row) errors[row] |= operand[row] & (valid[row] ^ 1);
  }
}

}  // namespace

void AddBooleanKernels(std::vector<Kernel>* kernels) {
  constexpr auto kBool = DataType::kBool;
  kernels->push_back({"not", {kBool}, kBool, MapRows<uint8_t, uint8_t, Not>});
  kernels->push_back({"and", {kBool}, kBool, Logic<false>, NullRule::kOwnAll, Shape::kVariadic});
  kernels->push_back({"or", {kBool}, kBool, Logic<true>, NullRule::kOwnAll, Shape::kVariadic});
}

}  // namespace forebay
