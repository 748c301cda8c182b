// What an expression costs by the rows of a batch:
//
//   build/engine/expression/expression_bench
#include <memory>
#include <string>

#include "arrow/api.h"
#include "benchmark/benchmark.h"
#include "engine/expression/program.h"
#include "forebay/v1/definition.pb.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "schemas/sql/sql.h"

namespace forebay {
namespace {

std::shared_ptr<arrow::RecordBatch> Rows(int64_t count) {
  arrow::DoubleBuilder amount, rate;
  arrow::StringBuilder country;
  const char* const countries[] = {"US", "DE", "FR", "BR"};
  for (int64_t row = 0; row < count; ++row) {
    if (!amount.Append(static_cast<double>(row % 997)).ok() ||
        !rate.Append(static_cast<double>(row % 7)).ok() ||
        !country.Append(countries[row % 4]).ok()) {
      std::abort();
    }
  }
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("amount", arrow::float64()),
                                                 arrow::field("rate", arrow::float64()),
                                                 arrow::field("country", arrow::utf8())}),
                                  count, {*amount.Finish(), *rate.Finish(), *country.Finish()});
}

Program Compile(const std::string& sql, const arrow::Schema& schema) {
  SqlColumns columns;
  for (const auto& field : schema.fields()) {
    v1::Field* column = columns.Add();
    column->set_name(field->name());
    column->set_type(field->type()->id() == arrow::Type::DOUBLE ? v1::DOUBLE : v1::STRING);
  }
  const auto expression = std::get<v1::Expression>(ParseExpression(sql, columns));
  return *Program::Compile({&expression}, schema);
}

void Run(benchmark::State& state, const std::string& sql) {
  const auto rows = Rows(state.range(0));
  const Program program = Compile(sql, *rows->schema());
  Evaluator evaluator(program);
  for (auto _ : state) benchmark::DoNotOptimize(evaluator.Evaluate(*rows));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

#define FOREBAY_EXPRESSION_BENCH(name, sql) \
  BENCHMARK_CAPTURE(Run, name, sql)->Arg(1)->Arg(64)->Arg(256)->Arg(2048)->Arg(16384)

FOREBAY_EXPRESSION_BENCH(where, "amount * rate + 1 > 100 and country = 'US'");
FOREBAY_EXPRESSION_BENCH(case_of_strings,
                         "case when amount > 500 then upper(country) else 'small' end");
FOREBAY_EXPRESSION_BENCH(in_list, "country in ('US', 'CA', 'MX', 'BR')");
FOREBAY_EXPRESSION_BENCH(guarded_division, "case when rate <> 0 then amount / rate end");

}  // namespace
}  // namespace forebay
