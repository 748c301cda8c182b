// Typed scalar expressions compiled to one flat list of kernel calls over columns; the same for a
// batch and for one row. What expressions have in common is computed once. Agreement with DuckDB on
// the same SQL is its test.
//
//   ASSIGN_OR_RETURN(Program program, Program::Compile({&amount}, *batch.schema()));
//   Evaluator evaluator(program);                  // scratch registers, one per thread
//   Vector amounts = evaluator.Evaluate(batch)[0];
//
// Nulls follow SQL (three-valued logic). A run-time error of a row (x/0, ln(-1), overflow, a failed
// cast) makes that row null and is counted (S22); it never fails the batch.
#ifndef FOREBAY_ENGINE_EXPRESSION_PROGRAM_H_
#define FOREBAY_ENGINE_EXPRESSION_PROGRAM_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
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
  static absl::StatusOr<Program> Compile(absl::Span<const v1::Expression* const> expressions,
                                         const arrow::Schema& schema);

  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  // Of the values of an expression.
  DataType type(size_t expression) const;

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

  // Of each expression one value per row of `batch`, whose schema is that of Compile. The results
  // point into the evaluator and the batch.
  absl::Span<const Vector> Evaluate(const arrow::RecordBatch& batch);

  // Rows of the last batch that a run-time error of an expression made null.
  int64_t errors(size_t expression) const;

 private:
  struct Registers;
  std::unique_ptr<Registers> registers_;
};

}  // namespace forebay

#endif  // FOREBAY_ENGINE_EXPRESSION_PROGRAM_H_
