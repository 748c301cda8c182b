// Whatever the text, the parser gives an expression or an error inside the text; and whatever the
// parser accepts compiles and runs.
#include <random>
#include <string>
#include <vector>

#include "arrow/api.h"
#include "engine/expression/program.h"
#include "forebay/v1/definition.pb.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "gtest/gtest.h"
#include "schemas/sql/sql.h"

namespace forebay {
namespace {

const std::vector<std::string>& Tokens() {
  static const auto* tokens = new std::vector<std::string>{"i",
                                                           "d",
                                                           "s",
                                                           "b",
                                                           "t",
                                                           "y",
                                                           "I",
                                                           "\"s\"",
                                                           "x",
                                                           "i.d",
                                                           "*",
                                                           "1",
                                                           "0",
                                                           "-3",
                                                           "2.5",
                                                           "1e400",
                                                           "9e9",
                                                           "9223372036854775808",
                                                           "'a'",
                                                           "''",
                                                           "'é'",
                                                           "E'\\x00'",
                                                           "'2013-01-01'",
                                                           "true",
                                                           "null",
                                                           "$1",
                                                           "(",
                                                           ")",
                                                           "(",
                                                           ")",
                                                           ",",
                                                           ";",
                                                           "+",
                                                           "-",
                                                           "/",
                                                           "%",
                                                           "^",
                                                           "||",
                                                           "=",
                                                           "<>",
                                                           "<",
                                                           ">=",
                                                           "::",
                                                           "bigint",
                                                           "text",
                                                           "double precision",
                                                           "timestamp",
                                                           "bytea",
                                                           "varchar(3)",
                                                           "int[]",
                                                           "and",
                                                           "or",
                                                           "not",
                                                           "in",
                                                           "between",
                                                           "like",
                                                           "is",
                                                           "null",
                                                           "distinct",
                                                           "from",
                                                           "case",
                                                           "when",
                                                           "then",
                                                           "else",
                                                           "end",
                                                           "cast(",
                                                           "as",
                                                           "coalesce(",
                                                           "nullif(",
                                                           "greatest(",
                                                           "concat(",
                                                           "substr(",
                                                           "substring(",
                                                           "trim(",
                                                           "lower(",
                                                           "length(",
                                                           "round(",
                                                           "ln(",
                                                           "sqrt(",
                                                           "extract(",
                                                           "year",
                                                           "epoch",
                                                           "date_trunc(",
                                                           "sum(",
                                                           "count(",
                                                           "filter",
                                                           "where",
                                                           "over",
                                                           "order by",
                                                           "distinct",
                                                           "select",
                                                           "union",
                                                           "array[",
                                                           "]",
                                                           "interval '1 day'",
                                                           "--",
                                                           "/*",
                                                           "*/",
                                                           "\n",
                                                           "@",
                                                           "?",
                                                           ":",
                                                           "\\",
                                                           "current_date",
                                                           "row(",
                                                           "exists",
                                                           "x'ff'",
                                                           "b'01'"};
  return *tokens;
}

std::shared_ptr<arrow::Schema> Schema() {
  return arrow::schema({arrow::field("i", arrow::int64()), arrow::field("d", arrow::float64()),
                        arrow::field("s", arrow::utf8()), arrow::field("b", arrow::boolean()),
                        arrow::field("t", arrow::timestamp(arrow::TimeUnit::MICRO)),
                        arrow::field("y", arrow::binary())});
}

SqlColumns Columns() {
  SqlColumns columns;
  const v1::DataType types[] = {v1::INT64, v1::DOUBLE,    v1::STRING,
                                v1::BOOL,  v1::TIMESTAMP, v1::BYTES};
  for (int i = 0; i < 6; ++i) {
    v1::Field* field = columns.Add();
    field->set_name(Schema()->field(i)->name());
    field->set_type(types[i]);
  }
  return columns;
}

template <typename Builder, typename T>
std::shared_ptr<arrow::Array> Array(Builder builder, std::vector<T> values) {
  for (const T& value : values) EXPECT_TRUE(builder.Append(value).ok());
  EXPECT_TRUE(builder.AppendNull().ok());
  return *builder.Finish();
}

// Extremes, and bytes that are not UTF-8.
std::shared_ptr<arrow::RecordBatch> Rows() {
  const int64_t least = std::numeric_limits<int64_t>::min();
  const std::vector<std::string> strings = {"", "\xff\xc3", "\xe2\x82"};
  return arrow::RecordBatch::Make(
      Schema(), 4,
      {Array(arrow::Int64Builder(), std::vector<int64_t>{least, -1, INT64_MAX}),
       Array(arrow::DoubleBuilder(), std::vector<double>{-1e308, 0, std::nan("")}),
       Array(arrow::StringBuilder(), strings),
       Array(arrow::BooleanBuilder(), std::vector<bool>{true, false, true}),
       Array(arrow::TimestampBuilder(arrow::timestamp(arrow::TimeUnit::MICRO),
                                     arrow::default_memory_pool()),
             std::vector<int64_t>{least, 0, INT64_MAX}),
       Array(arrow::BinaryBuilder(), strings)});
}

// Parses, and runs what is accepted. Returns whether it was.
bool Try(const std::string& sql, const arrow::RecordBatch& rows) {
  const SqlColumns columns = Columns();
  const SqlResult<v1::Aggregate> aggregate = ParseAggregate(sql, columns);
  if (const auto* error = std::get_if<SqlError>(&aggregate)) {
    EXPECT_FALSE(error->message.empty()) << sql;
    EXPECT_LE(error->position, static_cast<int>(sql.size())) << sql;
    EXPECT_GE(error->position, 0) << sql;
  }
  const SqlResult<v1::Expression> parsed = ParseExpression(sql, columns);
  if (const auto* error = std::get_if<SqlError>(&parsed)) {
    EXPECT_FALSE(error->message.empty()) << sql;
    EXPECT_LE(error->position, static_cast<int>(sql.size())) << sql;
    EXPECT_GE(error->position, 0) << sql;
    return false;
  }
  const auto program = Program::Compile({&std::get<v1::Expression>(parsed)}, *rows.schema());
  EXPECT_TRUE(program.ok()) << sql << ": " << program.status();
  if (program.ok()) Evaluator(*program).Evaluate(rows);
  return true;
}

TEST(Fuzz, RandomBytes) {
  std::mt19937 random(1);
  const auto rows = Rows();
  for (int n = 0; n < 10'000; ++n) {
    std::string sql(random() % 40, ' ');
    for (char& c : sql) c = static_cast<char>(n % 2 == 0 ? random() % 256 : ' ' + random() % 95);
    Try(sql, *rows);
  }
}

TEST(Fuzz, RandomTokens) {
  std::mt19937 random(2);
  const auto rows = Rows();
  for (int n = 0; n < 15'000; ++n) {
    std::string sql;
    for (size_t left = 1 + random() % 8; left > 0; --left)
      sql += Tokens()[random() % Tokens().size()] + " ";
    Try(sql, *rows);
  }
}

// Forms with holes, filled with forms: much of it is accepted.
TEST(Fuzz, RandomForms) {
  const std::vector<std::string> forms = {"i",
                                          "d",
                                          "s",
                                          "b",
                                          "t",
                                          "y",
                                          "0",
                                          "-1",
                                          "2.5",
                                          "'a'",
                                          "null",
                                          "true",
                                          "(# + #)",
                                          "(# / #)",
                                          "(# % #)",
                                          "(# || #)",
                                          "(# = #)",
                                          "(# < #)",
                                          "(# and #)",
                                          "(# or #)",
                                          "(not #)",
                                          "(-#)",
                                          "(# is null)",
                                          "(# is distinct from #)",
                                          "(# in (#, #))",
                                          "(# between # and #)",
                                          "(# like #)",
                                          "coalesce(#, #)",
                                          "nullif(#, #)",
                                          "case when # then # else # end",
                                          "case # when # then # end",
                                          "#::bigint",
                                          "#::double precision",
                                          "#::text",
                                          "#::boolean",
                                          "#::timestamp",
                                          "#::bytea",
                                          "lower(#)",
                                          "upper(#)",
                                          "length(#)",
                                          "substr(#, #)",
                                          "substr(#, #, #)",
                                          "trim(#)",
                                          "ltrim(#, #)",
                                          "concat(#, #, #)",
                                          "round(#)",
                                          "round(#, #)",
                                          "abs(#)",
                                          "floor(#)",
                                          "ln(#)",
                                          "exp(#)",
                                          "sqrt(#)",
                                          "power(#, #)",
                                          "div(#, #)",
                                          "extract(year from #)",
                                          "extract(week from #)",
                                          "extract(epoch from #)",
                                          "date_trunc('quarter', #)",
                                          "date_trunc('week', #)",
                                          "make_timestamp(#)",
                                          "epoch_ms(#)",
                                          "octet_length(#)",
                                          "greatest(#, #)",
                                          "contains(#, #)"};
  std::mt19937 random(3);
  const auto rows = Rows();
  int accepted = 0;
  for (int n = 0; n < 15'000; ++n) {
    std::string sql = "#";
    for (size_t hole = 0; (hole = sql.find('#')) != std::string::npos;) {
      const size_t choices = sql.size() < 60 ? forms.size() : 12;
      sql.replace(hole, 1, forms[random() % choices]);
    }
    accepted += Try(sql, *rows);
  }
  EXPECT_GT(accepted, 1'500);
}

}  // namespace
}  // namespace forebay
