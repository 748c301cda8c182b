// Expressions from their SQL to their values. What they mean is compared with DuckDB in
// tests/expressions; here is what DuckDB cannot say: errors counted, slices, reuse of registers.
#include <memory>
#include <string>
#include <vector>

#include "arrow/api.h"
#include "engine/expression/program.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "gtest/gtest.h"
#include "schemas/sql/sql.h"

namespace forebay {
namespace {

using ::testing::ElementsAre;
using Texts = std::vector<std::string>;

SqlColumns Columns() {
  SqlColumns columns;
  const std::pair<const char*, v1::DataType> all[] = {{"i", v1::INT64},
                                                      {"d", v1::DOUBLE},
                                                      {"s", v1::STRING},
                                                      {"b", v1::BOOL},
                                                      {"t", v1::TIMESTAMP}};
  for (const auto& [name, type] : all) {
    v1::Field* field = columns.Add();
    field->set_name(name);
    field->set_type(type);
  }
  return columns;
}

std::shared_ptr<arrow::Schema> Schema() {
  return arrow::schema({arrow::field("unused", arrow::list(arrow::int8())),
                        arrow::field("i", arrow::int64()), arrow::field("d", arrow::float64()),
                        arrow::field("s", arrow::utf8()), arrow::field("b", arrow::boolean()),
                        arrow::field("t", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"))});
}

// Row n: i = n, d = n / 2, s = "sn", b = n odd, t = n seconds; every `null_every`-th row is null.
std::shared_ptr<arrow::RecordBatch> Rows(int64_t first, int64_t count, int64_t null_every = 0) {
  arrow::ListBuilder unused(arrow::default_memory_pool(), std::make_shared<arrow::Int8Builder>());
  arrow::Int64Builder i;
  arrow::DoubleBuilder d;
  arrow::StringBuilder s;
  arrow::BooleanBuilder b;
  arrow::TimestampBuilder t(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                            arrow::default_memory_pool());
  for (int64_t n = first; n < first + count; ++n) {
    const bool is_null = null_every > 0 && n % null_every == 0;
    EXPECT_TRUE(unused.AppendNull().ok());
    EXPECT_TRUE((is_null ? i.AppendNull() : i.Append(n)).ok());
    EXPECT_TRUE((is_null ? d.AppendNull() : d.Append(static_cast<double>(n) / 2)).ok());
    EXPECT_TRUE((is_null ? s.AppendNull() : s.Append(fmt::format("s{}", n))).ok());
    EXPECT_TRUE((is_null ? b.AppendNull() : b.Append(n % 2 == 1)).ok());
    EXPECT_TRUE((is_null ? t.AppendNull() : t.Append(n * 1'000'000)).ok());
  }
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  for (arrow::ArrayBuilder* builder :
       std::vector<arrow::ArrayBuilder*>{&unused, &i, &d, &s, &b, &t}) {
    arrays.push_back(*builder->Finish());
  }
  return arrow::RecordBatch::Make(Schema(), count, arrays);
}

v1::Expression Parsed(std::string_view sql) {
  auto parsed = ParseExpression(sql, Columns());
  if (auto* error = std::get_if<SqlError>(&parsed)) ADD_FAILURE() << sql << ": " << error->message;
  return std::get<v1::Expression>(parsed);
}

Program Compiled(std::string_view sql) {
  const v1::Expression expression = Parsed(sql);
  auto program = Program::Compile({&expression}, *Schema());
  EXPECT_TRUE(program.ok()) << program.status();
  return *std::move(program);
}

Texts Read(const Vector& vector) {
  Texts texts;
  for (int64_t row = 0; row < vector.length; ++row) {
    if (!vector.IsValid(row)) {
      texts.push_back("null");
      continue;
    }
    switch (vector.type) {
      case DataType::kBool:
        texts.push_back(vector.bools[row] != 0 ? "true" : "false");
        break;
      case DataType::kInt64:
      case DataType::kTimestamp:
        texts.push_back(fmt::format("{}", vector.ints[row]));
        break;
      case DataType::kDouble:
        texts.push_back(fmt::format("{}", vector.doubles[row]));
        break;
      case DataType::kString:
      case DataType::kBytes:
        texts.emplace_back(vector.strings[row]);
        break;
    }
  }
  return texts;
}

struct Outcome {
  Texts values;
  int64_t errors;
};

Outcome Evaluated(std::string_view sql, const arrow::RecordBatch& batch) {
  const Program program = Compiled(sql);
  Evaluator evaluator(program);
  Texts values = Read(evaluator.Evaluate(batch)[0]);
  return {values, evaluator.errors(0)};
}

const char* const kExpressions[] = {"i",
                                    "d",
                                    "s",
                                    "b",
                                    "t",
                                    "7",
                                    "'x'",
                                    "cast(null as text)",
                                    "i + 1",
                                    "i * d - 2.5",
                                    "i / (i - 3)",
                                    "div(i, 2)",
                                    "i % 3",
                                    "d > 1 and s = 's4' or b",
                                    "not b",
                                    "i in (1, 3, 5)",
                                    "s in ('s2', null)",
                                    "case when b then s || '!' when i > 4 then upper(s) end",
                                    "coalesce(nullif(i, 2), -1)",
                                    "substr(s, 2)::bigint * 2",
                                    "concat(s, i, d, b, t)",
                                    "s like 's_'",
                                    "b is not true",
                                    "i is distinct from 4",
                                    "greatest(i, 3)",
                                    "extract(second from t)",
                                    "t > '1970-01-01 00:00:02'",
                                    "length(lower(s)) + round(d)",
                                    "ln(i - 2)",
                                    "d between 1 and 2"};

TEST(Evaluator, OneRowAtATimeIsAsTheBatch) {
  const auto batch = Rows(0, 50, 7);
  for (const char* sql : kExpressions) {
    const Outcome whole = Evaluated(sql, *batch);
    const Program program = Compiled(sql);
    Evaluator evaluator(program);
    Texts rows;
    int64_t errors = 0;
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      rows.push_back(Read(evaluator.Evaluate(*batch->Slice(row, 1))[0])[0]);
      errors += evaluator.errors(0);
    }
    EXPECT_EQ(rows, whole.values) << sql;
    EXPECT_EQ(errors, whole.errors) << sql;
  }
}

TEST(Evaluator, ASliceIsAsItsOwnRows) {
  for (const int64_t null_every : {0, 5}) {
    const auto all = Rows(0, 100, null_every);
    for (const char* sql : kExpressions) {
      for (const int64_t offset : {1, 7, 8, 9, 64}) {
        EXPECT_EQ(Evaluated(sql, *all->Slice(offset, 20)).values,
                  Evaluated(sql, *Rows(offset, 20, null_every)).values)
            << sql << " at " << offset;
      }
    }
  }
}

TEST(Evaluator, BatchesOfAnySizeInAnyOrderShareRegisters) {
  for (const char* sql : kExpressions) {
    const Program program = Compiled(sql);
    Evaluator evaluator(program);
    for (const auto& [first, count, null_every] :
         std::vector<std::tuple<int64_t, int64_t, int64_t>>{
             {0, 3, 0}, {5, 0, 0}, {9, 200, 3}, {1, 1, 1}, {50, 40, 0}, {0, 1000, 2}}) {
      const auto batch = Rows(first, count, null_every);
      EXPECT_EQ(Read(evaluator.Evaluate(*batch)[0]), Evaluated(sql, *batch).values) << sql;
    }
  }
}

TEST(Evaluator, OutlivesItsProgram) {
  auto program = std::make_unique<Program>(Compiled("s || '!'"));
  Evaluator evaluator(*program);
  program.reset();
  EXPECT_THAT(Read(evaluator.Evaluate(*Rows(1, 2))[0]), ElementsAre("s1!", "s2!"));
}

struct ErrorCase {
  const char* sql;
  Texts values;  // of rows 0, 1, 2
  int64_t errors;
};

TEST(Evaluator, AnErrorMakesTheRowNullAndCountsWhereItsValueWasNeeded) {
  const ErrorCase cases[] = {
      {"10 / i", {"null", "10", "5"}, 1},
      {"1 / 0", {"null", "null", "null"}, 3},
      {"ln(i - 1)", {"null", "null", "0"}, 2},
      {"9223372036854775807 + i", {"9223372036854775807", "null", "null"}, 2},
      {"s::bigint", {"null", "null", "null"}, 3},
      {"(10 / i) + div(1, i)", {"null", "11", "5"}, 1},
      {"case when i = 0 then 0 else 10 / i end", {"0", "10", "5"}, 0},
      {"case when 10 / i > 5 then 'many' else 'few' end", {"few", "many", "few"}, 1},
      {"i <> 0 and 10 / i > 5", {"false", "true", "false"}, 0},
      {"10 / i > 5 and i <> 0", {"false", "true", "false"}, 0},
      {"i < 5 or 10 / i > 5", {"true", "true", "true"}, 0},
      {"i < 5 and 10 / i > 5", {"null", "true", "false"}, 1},
      {"coalesce(i, 10 / i)", {"0", "1", "2"}, 0},
      {"coalesce(10 / i, -1)", {"-1", "10", "5"}, 1},
      {"10 / i is null", {"true", "false", "false"}, 1},
      {"10 / nullif(i, 0)", {"null", "10", "5"}, 0},
  };
  const auto batch = Rows(0, 3);
  for (const ErrorCase& one : cases) {
    const Outcome outcome = Evaluated(one.sql, *batch);
    EXPECT_EQ(outcome.values, one.values) << one.sql;
    EXPECT_EQ(outcome.errors, one.errors) << one.sql;
  }
}

TEST(Evaluator, ANullIsNoError) {
  const auto nulls = Rows(0, 3, 1);
  for (const char* sql :
       {"10 / i", "i + 9223372036854775807", "s::bigint", "ln(d - 9)", "sqrt(d - 9)"}) {
    const Outcome outcome = Evaluated(sql, *nulls);
    EXPECT_THAT(outcome.values, ElementsAre("null", "null", "null")) << sql;
    EXPECT_EQ(outcome.errors, 0) << sql;
  }
}

TEST(Evaluator, CountsErrorsByBatch) {
  const Program program = Compiled("10 / i");
  Evaluator evaluator(program);
  for (const int64_t first : {-1, 1, -2}) {
    evaluator.Evaluate(*Rows(first, 3));
    EXPECT_EQ(evaluator.errors(0), first <= 0 ? 1 : 0);
  }
}

TEST(Evaluator, ExpressionsOfOneProgramAreAsEachAlone) {
  std::vector<v1::Expression> parsed;
  for (const char* sql : kExpressions) parsed.push_back(Parsed(sql));
  std::vector<const v1::Expression*> expressions;
  for (const v1::Expression& expression : parsed) expressions.push_back(&expression);
  const absl::StatusOr<Program> program = Program::Compile(expressions, *Schema());
  ASSERT_TRUE(program.ok()) << program.status();
  Evaluator evaluator(*program);
  for (const int64_t null_every : {0, 7}) {
    const auto batch = Rows(0, 50, null_every);
    const absl::Span<const Vector> values = evaluator.Evaluate(*batch);
    ASSERT_EQ(values.size(), parsed.size());
    for (size_t i = 0; i < parsed.size(); ++i) {
      const Outcome alone = Evaluated(kExpressions[i], *batch);
      EXPECT_EQ(Read(values[i]), alone.values) << kExpressions[i];
      EXPECT_EQ(evaluator.errors(i), alone.errors) << kExpressions[i];
    }
  }
}

TEST(Evaluator, WhatExpressionsHaveInCommonIsComputedOnce) {
  const v1::Expression first = Parsed("lower(s)"), second = Parsed("lower(s) = 's1'"),
                       third = Parsed("lower(s) = 's1' and b");
  const Program program = *Program::Compile({&first, &second, &second, &third}, *Schema());
  Evaluator evaluator(program);
  const absl::Span<const Vector> values = evaluator.Evaluate(*Rows(0, 3));
  EXPECT_EQ(values[1].bools, values[2].bools);
  EXPECT_NE(values[1].bools, values[3].bools);
}

TEST(Program, RefusesWhatTheCheckerShouldHaveRefused) {
  const auto status_of = [](const v1::Expression& expression) {
    return std::string(Program::Compile({&expression}, *Schema()).status().message());
  };
  v1::Expression expression;
  EXPECT_EQ(status_of(expression), "an expression has no type");
  expression.set_type(v1::DOUBLE);
  EXPECT_EQ(status_of(expression), "an expression is empty");
  expression.set_column("x");
  EXPECT_EQ(status_of(expression), "the batch has no column 'x'");
  expression.set_column("i");
  EXPECT_EQ(status_of(expression), "column 'i' is int64 in the batch, expected double");
  expression.mutable_literal()->set_int64_value(1);
  EXPECT_EQ(status_of(expression), "a literal is not of its type, double");
  expression.mutable_call()->set_function("add");
  EXPECT_EQ(status_of(expression), "there is no kernel add() of type double");
}

}  // namespace
}  // namespace forebay
