// The compiled form of an expression, and what runs it. Internal to this folder.
#ifndef FOREBAY_ENGINE_EXPRESSION_CODE_H_
#define FOREBAY_ENGINE_EXPRESSION_CODE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/expression/kernel.h"
#include "engine/expression/program.h"
#include "engine/expression/register.h"
#include "schemas/types/value.h"

namespace forebay {

// Steps write registers that later steps read; every register is written once.
struct ProgramCode {
  struct Column {
    int index;  // in the batch
    DataType type;
    int target;
  };
  struct Constant {
    Value value;
    DataType type;
    int target;
  };
  struct Step {
    const Kernel* kernel;
    std::vector<int> arguments;
    int target;
  };

  std::vector<Column> columns;
  std::vector<Constant> constants;
  std::vector<Step> steps;
  std::vector<DataType> registers;  // their types
  std::vector<int> results;         // one per expression
};

struct Program::Code : ProgramCode {};

// The registers of one running program.
class Machine {
 public:
  explicit Machine(std::shared_ptr<const ProgramCode> code);

  // One vector per result. `batch` may be null if the code reads no column.
  absl::Span<const Vector> Run(const arrow::RecordBatch* batch, int64_t length);

  // Rows with errors, of the last run.
  int64_t errors(size_t result) const;

 private:
  struct Call {
    const Kernel* kernel;
    std::vector<Register*> arguments;
    Register* result;
  };

  void FillConstants(int64_t length);
  void RunCall(const Call& call, int64_t length);

  std::shared_ptr<const ProgramCode> code_;
  std::vector<Register> registers_;
  std::vector<Call> calls_;
  Arena arena_;
  int64_t filled_ = 0;  // rows of the constant registers
  std::vector<Vector> results_;
};

struct Evaluator::Registers {
  Machine machine;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_EXPRESSION_CODE_H_
