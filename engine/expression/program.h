// A typed scalar expression compiled to a flat list of kernel calls over columns; the same for a
// batch and for one row. Agreement with DuckDB on the same SQL is its test.
//
//   ASSIGN_OR_RETURN(Program program, Program::Compile(expression, *batch.schema()));
//   Evaluator evaluator(program);                  // scratch registers, one per thread
//   Vector amounts = evaluator.Evaluate(batch);
//
// Nulls follow SQL (three-valued logic). A run-time error of a row (x/0, ln(-1), overflow, a failed
// cast) makes that row null and is counted (S22); it never fails the batch.
#ifndef FOREBAY_ENGINE_EXPRESSION_PROGRAM_H_
#define FOREBAY_ENGINE_EXPRESSION_PROGRAM_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "engine/expression/vector.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace forebay {

namespace v1 {
class Expression;
}

// Immutable and shared between threads.
class Program {
 public:
  // `schema` names the columns of the batches to come. Errors: INTERNAL for an expression that the
  // checker should not have let through (unknown column or kernel, wrong types).
  static absl::StatusOr<Program> Compile(const v1::Expression& expression,
                                         const arrow::Schema& schema);

  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  DataType type() const;

 private:
  friend class Evaluator;
  struct Code;
  explicit Program(std::shared_ptr<const Code> code);
  std::shared_ptr<const Code> code_;
};

// The registers of one running program. Not thread-safe. Shares the program's code, so it may
// outlive it.
class Evaluator {
 public:
  explicit Evaluator(const Program& program);
  Evaluator(Evaluator&&) noexcept;
  ~Evaluator();

  // One value per row of `batch`, whose schema is that of Compile. The result points into the
  // evaluator and the batch.
  Vector Evaluate(const arrow::RecordBatch& batch);

  // Rows that a run-time error made null, since construction.
  int64_t errors() const;

 private:
  struct Registers;
  std::unique_ptr<Registers> registers_;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_EXPRESSION_PROGRAM_H_
