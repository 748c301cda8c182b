#include "engine/expression/program.h"

#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "arrow/type.h"
#include "engine/expression/code.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int kMaxDepth = 100;

bool IsStoredAs(DataType type, const arrow::DataType& stored) {
  switch (type) {
    case DataType::kBool:
      return stored.id() == arrow::Type::BOOL;
    case DataType::kInt64:
      return stored.id() == arrow::Type::INT64;
    case DataType::kDouble:
      return stored.id() == arrow::Type::DOUBLE;
    case DataType::kString:
      return stored.id() == arrow::Type::STRING;
    case DataType::kBytes:
      return stored.id() == arrow::Type::BINARY;
    case DataType::kTimestamp:
      return stored.id() == arrow::Type::TIMESTAMP &&
             static_cast<const arrow::TimestampType&>(stored).unit() == arrow::TimeUnit::MICRO;
  }
  return false;
}

// Whether a literal, if it is not null, is a value of `type`.
bool Holds(const v1::Literal& literal, DataType type) {
  switch (literal.value_case()) {
    case v1::Literal::VALUE_NOT_SET:
      return true;
    case v1::Literal::kBoolValue:
      return type == DataType::kBool;
    case v1::Literal::kInt64Value:
      return type == DataType::kInt64 || type == DataType::kTimestamp;
    case v1::Literal::kDoubleValue:
      return type == DataType::kDouble;
    case v1::Literal::kStringValue:
      return type == DataType::kString || type == DataType::kBytes;
  }
  return false;
}

Value LiteralValue(const v1::Literal& literal) {
  switch (literal.value_case()) {
    case v1::Literal::VALUE_NOT_SET:
      return Value();
    case v1::Literal::kBoolValue:
      return literal.bool_value();
    case v1::Literal::kInt64Value:
      return literal.int64_value();
    case v1::Literal::kDoubleValue:
      return literal.double_value();
    case v1::Literal::kStringValue:
      return literal.string_value();
  }
  return Value();
}

// The first value of a vector.
Value FirstValue(const Vector& vector) {
  if (!vector.IsValid(0)) return Value();
  switch (vector.type) {
    case DataType::kBool:
      return vector.bools[0] != 0;
    case DataType::kInt64:
    case DataType::kTimestamp:
      return vector.ints[0];
    case DataType::kDouble:
      return vector.doubles[0];
    case DataType::kString:
    case DataType::kBytes:
      return std::string(vector.strings[0]);
  }
  return Value();
}

// Tells a constant from all others of its type.
std::string Bits(const Value& value) {
  if (IsNull(value)) return "null";
  if (const auto* text = std::get_if<std::string>(&value)) return "'" + *text;
  if (const auto* real = std::get_if<double>(&value))
    return std::to_string(std::bit_cast<uint64_t>(*real));
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "1" : "0";
  return std::to_string(std::get<int64_t>(value));
}

// Gives every distinct subexpression one register; computes those without columns right away.
class Compiler {
 public:
  explicit Compiler(const arrow::Schema& schema) : schema_(schema) {}

  absl::StatusOr<ProgramCode> Compile(absl::Span<const v1::Expression* const> expressions) {
    for (const v1::Expression* expression : expressions) {
      ASSIGN_OR_RETURN(code_.results.emplace_back(), Add(*expression, 0));
    }
    return std::move(code_);
  }

 private:
  absl::StatusOr<int> Add(const v1::Expression& expression, int depth) {
    if (!v1::DataType_IsValid(expression.type()) ||
        expression.type() == v1::DATA_TYPE_UNSPECIFIED) {
      return absl::InternalError("an expression has no type");
    }
    if (depth > kMaxDepth) return absl::InternalError("an expression is nested too deeply");
    const auto type = static_cast<DataType>(expression.type());
    switch (expression.node_case()) {
      case v1::Expression::kColumn:
        return AddColumn(expression.column(), type);
      case v1::Expression::kLiteral:
        if (Holds(expression.literal(), type)) {
          return AddConstant(LiteralValue(expression.literal()), type);
        }
        return absl::InternalError(
            fmt::format("a literal is not of its type, {}", DataTypeName(type)));
      case v1::Expression::kCall:
        return AddCall(expression.call(), type, depth);
      case v1::Expression::NODE_NOT_SET:
        break;
    }
    return absl::InternalError("an expression is empty");
  }

  absl::StatusOr<int> AddColumn(const std::string& name, DataType type) {
    const int index = schema_.GetFieldIndex(name);
    if (index < 0) return absl::InternalError(fmt::format("the batch has no column '{}'", name));
    const arrow::DataType& stored = *schema_.field(index)->type();
    if (!IsStoredAs(type, stored)) {
      return absl::InternalError(fmt::format("column '{}' is {} in the batch, expected {}", name,
                                             stored.ToString(), DataTypeName(type)));
    }
    const auto [found, is_new] =
        known_.try_emplace(fmt::format("column {}", index), NextRegister());
    if (is_new) {
      code_.registers.push_back(type);
      code_.columns.push_back({index, type, found->second});
    }
    return found->second;
  }

  int AddConstant(Value value, DataType type) {
    const auto [found, is_new] = known_.try_emplace(
        fmt::format("constant {} {}", DataTypeName(type), Bits(value)), NextRegister());
    if (is_new) {
      code_.registers.push_back(type);
      code_.constants.push_back({std::move(value), type, found->second});
    }
    return found->second;
  }

  absl::StatusOr<int> AddCall(const v1::Call& call, DataType type, int depth) {
    std::vector<int> arguments;
    std::vector<DataType> types;
    for (const v1::Expression& argument : call.arguments()) {
      ASSIGN_OR_RETURN(const int target, Add(argument, depth + 1));
      arguments.push_back(target);
      types.push_back(code_.registers[static_cast<size_t>(target)]);
    }
    const Kernel* kernel = FindKernel(call.function(), types, type);
    if (kernel == nullptr) {
      std::vector<std::string_view> names;
      for (const DataType one : types) names.push_back(DataTypeName(one));
      return absl::InternalError(fmt::format("there is no kernel {}({}) of type {}",
                                             call.function(), fmt::join(names, ", "),
                                             DataTypeName(type)));
    }
    if (AllConstant(arguments)) {
      Value value;
      if (Fold(*kernel, arguments, type, &value)) return AddConstant(std::move(value), type);
    }
    const std::string key =
        fmt::format("{} {} {}", call.function(), DataTypeName(type), fmt::join(arguments, " "));
    const auto [found, is_new] = known_.try_emplace(key, NextRegister());
    if (is_new) {
      code_.registers.push_back(type);
      code_.steps.push_back({kernel, std::move(arguments), found->second});
    }
    return found->second;
  }

  bool AllConstant(const std::vector<int>& arguments) const {
    for (const int argument : arguments) {
      if (FindConstant(argument) == nullptr) return false;
    }
    return true;
  }

  // The value of a call of constants; false if it is an error, which is to be counted in every row.
  bool Fold(const Kernel& kernel, const std::vector<int>& arguments, DataType type, Value* value) {
    auto alone = std::make_shared<ProgramCode>();
    std::vector<int> targets;
    for (const int argument : arguments) {
      ProgramCode::Constant constant = *FindConstant(argument);
      constant.target = static_cast<int>(alone->registers.size());
      targets.push_back(constant.target);
      alone->registers.push_back(constant.type);
      alone->constants.push_back(std::move(constant));
    }
    const int result = static_cast<int>(alone->registers.size());
    alone->results.push_back(result);
    alone->registers.push_back(type);
    alone->steps.push_back({&kernel, std::move(targets), result});
    Machine machine(std::move(alone));
    *value = FirstValue(machine.Run(nullptr, 1)[0]);
    return machine.errors(0) == 0;
  }

  const ProgramCode::Constant* FindConstant(int target) const {
    for (const ProgramCode::Constant& constant : code_.constants) {
      if (constant.target == target) return &constant;
    }
    return nullptr;
  }

  int NextRegister() const { return static_cast<int>(code_.registers.size()); }

  const arrow::Schema& schema_;
  ProgramCode code_;
  absl::flat_hash_map<std::string, int> known_;  // registers by what they hold
};

}  // namespace

absl::StatusOr<Program> Program::Compile(absl::Span<const v1::Expression* const> expressions,
                                         const arrow::Schema& schema) {
  ASSIGN_OR_RETURN(ProgramCode code, Compiler(schema).Compile(expressions));
  return Program(std::make_shared<const Code>(Code{std::move(code)}));
}

Program::Program(std::shared_ptr<const Code> code) : code_(std::move(code)) {}
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

DataType Program::type(size_t expression) const {
  return code_->registers[static_cast<size_t>(code_->results[expression])];
}

}  // namespace forebay
