// A kernel computes one column from columns of fixed types. The table of them is the meaning of
// Call.function; its rows are made by the Add...Kernels functions, one per file of kernels.
#ifndef FOREBAY_ENGINE_EXPRESSION_KERNEL_H_
#define FOREBAY_ENGINE_EXPRESSION_KERNEL_H_

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "engine/expression/register.h"

namespace forebay {

// The C++ type of a column's values.
template <DataType type>
struct ValueOf;
template <>
struct ValueOf<DataType::kBool> {
  using Type = uint8_t;
};
template <>
struct ValueOf<DataType::kInt64> {
  using Type = int64_t;
};
template <>
struct ValueOf<DataType::kTimestamp> {
  using Type = int64_t;
};
template <>
struct ValueOf<DataType::kDouble> {
  using Type = double;
};
template <>
struct ValueOf<DataType::kString> {
  using Type = std::string_view;
};
template <>
struct ValueOf<DataType::kBytes> {
  using Type = std::string_view;
};

// One call of a kernel: arguments, and the register for the result.
class KernelCall {
 public:
  KernelCall(int64_t length, std::span<Register* const> arguments, Register* result, Arena* arena)
      : length_(length), arguments_(arguments), result_(result), arena_(arena) {}

  int64_t length() const { return length_; }
  int count() const { return static_cast<int>(arguments_.size()); }
  const Register& argument(int i) const { return *arguments_[i]; }
  Arena* arena() const { return arena_; }

  // One value per row. Rows that are null hold some value: of a string, an empty one.
  template <typename T>
  const T* Argument(int i) const {
    const Vector& vector = arguments_[i]->vector;
    if constexpr (std::is_same_v<T, uint8_t>) return vector.bools;
    if constexpr (std::is_same_v<T, int64_t>) return vector.ints;
    if constexpr (std::is_same_v<T, double>) return vector.doubles;
    if constexpr (std::is_same_v<T, std::string_view>) return vector.strings;
  }

  // Room for the result, to be filled whole: null rows too.
  template <typename T>
  T* Result() const {
    T* values = result_->values.Reserve<T>(length_);
    Vector& vector = result_->vector;
    if constexpr (std::is_same_v<T, uint8_t>) vector.bools = values;
    if constexpr (std::is_same_v<T, int64_t>) vector.ints = values;
    if constexpr (std::is_same_v<T, double>) vector.doubles = values;
    if constexpr (std::is_same_v<T, std::string_view>) vector.strings = values;
    return values;
  }

  // For kernels that decide themselves what is null: the result's mask, to be filled whole.
  uint8_t* ResultValid() const {
    uint8_t* valid = result_->valid.Reserve<uint8_t>(length_);
    result_->vector.valid = valid;
    return valid;
  }

  // Likewise for errors: all 0 at first. A row's error counts only if the row's result needed it.
  uint8_t* ResultErrors() const;

  bool AnyErrors() const {
    return std::any_of(arguments_.begin(), arguments_.end(),
                       [](const Register* argument) { return argument->errors != nullptr; });
  }

  // A run-time error: makes `row` null, unless it is null anyway. Slow, as errors are rare.
  void Fail(int64_t row) const;

 private:
  const int64_t length_;
  const std::span<Register* const> arguments_;
  Register* const result_;
  Arena* const arena_;
};

enum class NullRule : uint8_t {
  kStrict,  // null if any argument is; an error if any argument is. Done before the kernel runs.
  kOwn,     // the kernel fills ResultValid(); an error if any argument is
  kOwnAll,  // the kernel fills ResultValid(), and ResultErrors() if AnyErrors()
};

enum class Shape : uint8_t {
  kFixed,     // exactly `arguments`
  kVariadic,  // one or more of `arguments[0]`
  kCase,      // bool, T, bool, T, ..., T, with `arguments[0]` as T
};

struct Kernel {
  std::string_view name;
  std::vector<DataType> arguments;
  DataType result;
  void (*run)(const KernelCall& call);
  NullRule nulls = NullRule::kStrict;
  Shape shape = Shape::kFixed;
};

// The kernel of that name with these types; nullptr if there is none. Lives forever.
const Kernel* FindKernel(std::string_view name, std::span<const DataType> arguments,
                         DataType result);

void AddArithmeticKernels(std::vector<Kernel>* kernels);
void AddBooleanKernels(std::vector<Kernel>* kernels);
void AddCastKernels(std::vector<Kernel>* kernels);
void AddChoiceKernels(std::vector<Kernel>* kernels);
void AddComparisonKernels(std::vector<Kernel>* kernels);
void AddMathKernels(std::vector<Kernel>* kernels);
void AddStringKernels(std::vector<Kernel>* kernels);
void AddTimeKernels(std::vector<Kernel>* kernels);

// result = operation(a) for every row.
template <typename A, typename R, R (*operation)(A)>
void MapRows(const KernelCall& call) {
  const A* a = call.Argument<A>(0);
  R* result = call.Result<R>();
  for (int64_t row = 0; row < call.length(); ++row) result[row] = operation(a[row]);
}

template <typename A, typename B, typename R, R (*operation)(A, B)>
void MapRows(const KernelCall& call) {
  const A* a = call.Argument<A>(0);
  const B* b = call.Argument<B>(1);
  R* result = call.Result<R>();
  for (int64_t row = 0; row < call.length(); ++row) result[row] = operation(a[row], b[row]);
}

// Likewise, where the operation may fail: it returns false then.
template <typename A, typename R, bool (*operation)(A, R*)>
void TryRows(const KernelCall& call) {
  const A* a = call.Argument<A>(0);
  R* result = call.Result<R>();
  for (int64_t row = 0; row < call.length(); ++row) {
    if (!operation(a[row], &result[row])) [[unlikely]] {
      result[row] = R();
      call.Fail(row);
    }
  }
}

template <typename A, typename B, typename R, bool (*operation)(A, B, R*)>
void TryRows(const KernelCall& call) {
  const A* a = call.Argument<A>(0);
  const B* b = call.Argument<B>(1);
  R* result = call.Result<R>();
  for (int64_t row = 0; row < call.length(); ++row) {
    if (!operation(a[row], b[row], &result[row])) [[unlikely]] {
      result[row] = R();
      call.Fail(row);
    }
  }
}

}  // namespace forebay

#endif  // FOREBAY_ENGINE_EXPRESSION_KERNEL_H_
