#include "engine/expression/kernel.h"

#include <cstring>
#include <map>

namespace forebay {
namespace {

using KernelTable = std::multimap<std::string_view, Kernel>;

const KernelTable& Table() {
  static const KernelTable* table = [] {
    std::vector<Kernel> kernels;
    AddArithmeticKernels(&kernels);
    AddBooleanKernels(&kernels);
    AddCastKernels(&kernels);
    AddChoiceKernels(&kernels);
    AddComparisonKernels(&kernels);
    AddMathKernels(&kernels);
    AddStringKernels(&kernels);
    AddTimeKernels(&kernels);
    auto* made = new KernelTable;
    for (Kernel& kernel : kernels) made->emplace(kernel.name, std::move(kernel));
    return made;
  }();
  return *table;
}

bool Takes(const Kernel& kernel, std::span<const DataType> arguments) {
  switch (kernel.shape) {
    case Shape::kFixed:
      return std::equal(arguments.begin(), arguments.end(), kernel.arguments.begin(),
                        kernel.arguments.end());
    case Shape::kVariadic:
      return !arguments.empty() &&
             std::all_of(arguments.begin(), arguments.end(),
                         [&](DataType type) { return type == kernel.arguments[0]; });
    case Shape::kCase:
      if (arguments.size() < 3 || arguments.size() % 2 == 0) return false;
      for (size_t i = 0; i < arguments.size(); ++i) {
        const bool condition = i % 2 == 0 && i + 1 < arguments.size();
        if (arguments[i] != (condition ? DataType::kBool : kernel.arguments[0])) return false;
      }
      return true;
  }
  return false;
}

}  // namespace

uint8_t* KernelCall::ResultErrors() const {
  uint8_t* errors = result_->error_flags.Reserve<uint8_t>(length_);
  std::memset(errors, 0, static_cast<size_t>(length_));
  result_->errors = errors;
  return errors;
}

void KernelCall::Fail(int64_t row) const {
  Vector& vector = result_->vector;
  if (!vector.IsValid(row)) return;
  // Either mask may be that of an argument, shared until now.
  uint8_t* valid = result_->valid.Reserve<uint8_t>(length_);
  if (vector.valid == nullptr) {
    std::memset(valid, 1, static_cast<size_t>(length_));
  } else if (vector.valid != valid) {
    std::memcpy(valid, vector.valid, static_cast<size_t>(length_));
  }
  vector.valid = valid;
  valid[row] = 0;

  uint8_t* errors = result_->error_flags.Reserve<uint8_t>(length_);
  if (result_->errors == nullptr) {
    std::memset(errors, 0, static_cast<size_t>(length_));
  } else if (result_->errors != errors) {
    std::memcpy(errors, result_->errors, static_cast<size_t>(length_));
  }
  result_->errors = errors;
  errors[row] = 1;
}

const Kernel* FindKernel(std::string_view name, std::span<const DataType> arguments,
                         DataType result) {
  const auto [begin, end] = Table().equal_range(name);
  for (auto it = begin; it != end; ++it) {
    if (it->second.result == result && Takes(it->second, arguments)) return &it->second;
  }
  return nullptr;
}

}  // namespace forebay
