#include "schemas/sql/sql.h"

#include <string>

#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forebay {
namespace {

using ::testing::HasSubstr;

SqlColumns Columns() {
  SqlColumns columns;
  const std::pair<const char*, v1::DataType> all[] = {
      {"amount", v1::DOUBLE}, {"units", v1::INT64},   {"country", v1::STRING}, {"paid", v1::BOOL},
      {"at", v1::TIMESTAMP},  {"payload", v1::BYTES}, {"userId", v1::STRING}};
  for (const auto& [name, type] : all) {
    v1::Field* field = columns.Add();
    field->set_name(name);
    field->set_type(type);
  }
  return columns;
}

// An expression as text: kernel(arguments), literals with their type if it is not plain.
std::string Text(const v1::Expression& expression) {
  if (expression.node_case() == v1::Expression::kColumn) return expression.column();
  if (expression.node_case() == v1::Expression::kLiteral) {
    const v1::Literal& literal = expression.literal();
    switch (literal.value_case()) {
      case v1::Literal::kBoolValue:
        return literal.bool_value() ? "true" : "false";
      case v1::Literal::kInt64Value:
        return fmt::format("{}{}", expression.type() == v1::TIMESTAMP ? "@" : "",
                           literal.int64_value());
      case v1::Literal::kDoubleValue:
        return fmt::format("{}d", literal.double_value());
      case v1::Literal::kStringValue:
        return fmt::format("'{}'", literal.string_value());
      default:
        return fmt::format("null:{}", v1::DataType_Name(expression.type()));
    }
  }
  std::string text = expression.call().function() + "(";
  for (int i = 0; i < expression.call().arguments_size(); ++i) {
    text += (i > 0 ? ", " : "") + Text(expression.call().arguments(i));
  }
  text += ")";
  const bool shows_type = expression.call().function() == "cast";
  return shows_type ? text + ":" + v1::DataType_Name(expression.type()) : text;
}

std::string Parsed(std::string_view sql) {
  const SqlResult<v1::Expression> result = ParseExpression(sql, Columns());
  if (const auto* error = std::get_if<SqlError>(&result)) {
    return fmt::format("{}: {}", error->position, error->message);
  }
  const auto& expression = std::get<v1::Expression>(result);
  return fmt::format("{} {}", v1::DataType_Name(expression.type()), Text(expression));
}

std::string Aggregated(std::string_view sql) {
  const SqlResult<v1::Aggregate> result = ParseAggregate(sql, Columns());
  if (const auto* error = std::get_if<SqlError>(&result)) {
    return fmt::format("{}: {}", error->position, error->message);
  }
  const auto& aggregate = std::get<v1::Aggregate>(result);
  std::string text =
      fmt::format("{} {}(", v1::DataType_Name(aggregate.type()), aggregate.function());
  for (const v1::Expression& argument : aggregate.arguments()) text += Text(argument);
  if (aggregate.has_parameter()) text += fmt::format("; {}", aggregate.parameter().int64_value());
  text += ")";
  return aggregate.has_filter() ? text + " where " + Text(aggregate.filter()) : text;
}

TEST(ParseExpression, TypesArithmeticWithExplicitCasts) {
  EXPECT_EQ(Parsed("units + 1"), "INT64 add(units, 1)");
  EXPECT_EQ(Parsed("units * amount"), "DOUBLE multiply(cast(units):DOUBLE, amount)");
  EXPECT_EQ(Parsed("units / 2"), "DOUBLE divide(cast(units):DOUBLE, 2d)");
  EXPECT_EQ(Parsed("div(units, 2)"), "INT64 integer_divide(units, 2)");
  EXPECT_EQ(Parsed("-units % 3"), "INT64 modulo(negate(units), 3)");
  EXPECT_EQ(Parsed("amount ^ 2"), "DOUBLE power(amount, 2d)");
  EXPECT_EQ(Parsed("units + null"), "INT64 add(units, null:INT64)");
  EXPECT_EQ(Parsed("floor(units)"), "DOUBLE floor(cast(units):DOUBLE)");
  EXPECT_EQ(Parsed("round(amount, 2)"), "DOUBLE round(amount, 2)");
}

TEST(ParseExpression, ReadsLiterals) {
  EXPECT_EQ(Parsed("-3"), "INT64 -3");
  EXPECT_EQ(Parsed("units - -3"), "INT64 subtract(units, -3)");
  EXPECT_EQ(Parsed("units - - /* a /* b */ 8 */ ( 7 )"), "INT64 subtract(units, -7)");
  EXPECT_EQ(Parsed("- -3"), "INT64 3");
  EXPECT_EQ(Parsed("0"), "INT64 0");
  EXPECT_EQ(Parsed("-9223372036854775808"), "INT64 -9223372036854775808");
  EXPECT_EQ(Parsed("-2147483648"), "INT64 -2147483648");
  EXPECT_EQ(Parsed("2.5"), "DOUBLE 2.5d");
  EXPECT_EQ(Parsed("-1e3"), "DOUBLE -1000d");
  EXPECT_EQ(Parsed("'it''s é'"), "STRING 'it's é'");
  EXPECT_EQ(Parsed("''"), "STRING ''");
  EXPECT_EQ(Parsed("false"), "BOOL false");
  EXPECT_EQ(Parsed("timestamp '1970-01-01 00:00:01'"), "TIMESTAMP @1000000");
  EXPECT_EQ(Parsed("at > '1970-01-01'"), "BOOL greater(at, @0)");
  EXPECT_EQ(Parsed("cast(null as double precision)"), "DOUBLE null:DOUBLE");
}

TEST(ParseExpression, BuildsBooleans) {
  EXPECT_EQ(
      Parsed("amount * 2 + 1 > 100 and country = 'US' and not paid"),
      "BOOL and(greater(add(multiply(amount, 2d), 1d), 100d), equal(country, 'US'), not(paid))");
  EXPECT_EQ(Parsed("units in (1, 2, null)"), "BOOL in(units, 1, 2, null:INT64)");
  EXPECT_EQ(Parsed("units not in (1, 2.5)"), "BOOL not(in(cast(units):DOUBLE, 1d, 2.5d))");
  EXPECT_EQ(Parsed("units between 1 and 2"),
            "BOOL and(greater_equal(units, 1), less_equal(units, 2))");
  EXPECT_EQ(Parsed("units not between 1 and 2"),
            "BOOL not(and(greater_equal(units, 1), less_equal(units, 2)))");
  EXPECT_EQ(Parsed("paid is not true"), "BOOL distinct(paid, true)");
  EXPECT_EQ(Parsed("paid is unknown"), "BOOL is_null(paid)");
  EXPECT_EQ(Parsed("units is not null"), "BOOL is_not_null(units)");
  EXPECT_EQ(Parsed("units is distinct from 3"), "BOOL distinct(units, 3)");
  EXPECT_EQ(Parsed("units is not distinct from 3"), "BOOL not_distinct(units, 3)");
  EXPECT_EQ(Parsed("country not like 'U%'"), "BOOL not(like(country, 'U%'))");
}

TEST(ParseExpression, BuildsConditionals) {
  EXPECT_EQ(Parsed("case when paid then 1 when units > 2 then amount end"),
            "DOUBLE case(paid, 1d, greater(units, 2), amount, null:DOUBLE)");
  EXPECT_EQ(Parsed("case units when 1 then 'a' else 'b' end"),
            "STRING case(equal(units, 1), 'a', 'b')");
  EXPECT_EQ(Parsed("coalesce(units, amount, 0)"),
            "DOUBLE coalesce(cast(units):DOUBLE, amount, 0d)");
  EXPECT_EQ(Parsed("nullif(units, 0)"), "INT64 case(equal(units, 0), null:INT64, units)");
  EXPECT_EQ(Parsed("greatest(units, 3)"), "INT64 greatest(units, 3)");
}

TEST(ParseExpression, BuildsFunctions) {
  EXPECT_EQ(Parsed("substring(country from 1 for 2)"), "STRING substr(country, 1, 2)");
  EXPECT_EQ(Parsed("trim(both 'x' from country)"), "STRING trim(country, 'x')");
  EXPECT_EQ(Parsed("country || units"), "STRING append(country, cast(units):STRING)");
  EXPECT_EQ(Parsed("concat(country, paid, null)"),
            "STRING concat(country, cast(paid):STRING, null:STRING)");
  EXPECT_EQ(Parsed("extract(hour from at)"), "INT64 extract_hour(at)");
  EXPECT_EQ(Parsed("date_part('epoch', at)"), "DOUBLE extract_epoch(at)");
  EXPECT_EQ(Parsed("date_trunc('hour', at)"), "TIMESTAMP truncate_hour(at)");
  EXPECT_EQ(Parsed("amount::bigint"), "INT64 cast(amount):INT64");
  EXPECT_EQ(Parsed("cast(units as varchar)"), "STRING cast(units):STRING");
}

TEST(ParseExpression, FindsColumnsWhateverTheirCase) {
  EXPECT_EQ(Parsed("userId = 'u'"), "BOOL equal(userId, 'u')");
  EXPECT_EQ(Parsed("\"userId\""), "STRING userId");
  EXPECT_EQ(Parsed("AMOUNT"), "DOUBLE amount");
}

struct BadCase {
  const char* sql;
  const char* error;
};

TEST(ParseExpression, SaysWhatIsWrongAndWhere) {
  const BadCase cases[] = {
      {"", "0: the expression is empty"},
      {"  -- only this", "0: the expression is empty"},
      {"1 +", "3: syntax error at end of input"},
      {"'é' = é é !", "13: syntax error at or near \"!\""},
      {"1; select 2", "1: expected one expression, found several statements: remove the ';'"},
      {"1, 2", "3: expected one expression, found several separated by commas"},
      {"amount spend", "0: expected one expression, found the name 'spend' after it"},
      {"1 from t", "7: expected one expression, not a query (fromClause)"},
      {"count(*) where units > 1",
       "21: expected one expression, not a query; for the condition of an aggregate"},
      {"paid and", "0: 'and' at the end lacks the condition after it"},
      {"country = US",
       "10: there is no column 'us'; columns: amount, units, country, paid, at, payload, userId; "
       "text stands in single quotes"},
      {"1 union select 2", "0: expected one expression, not a query"},
      {"distinct amount", "0: expected one expression, not a query (distinctClause)"},
      {"amont > 1",
       "0: there is no column 'amont', did you mean 'amount'?; columns: amount, units, "
       "country, paid, at, payload, userId"},
      {"1 + lenght(country)", "4: there is no function 'lenght'; did you mean 'length'?"},
      {"lower(units)", "0: there is no lower(int64); allowed: lower(string)"},
      {"country + 1", "0: '+' needs numbers, found string"},
      {"paid and units", "9: 'and' needs true or false, found int64: write a comparison"},
      {"units = country",
       "8: a comparison needs values of one type, found int64 and string: cast one of them"},
      {"at > 'yesterday'",
       "5: 'yesterday' is not a timestamp: write it as in '2013-01-01 05:00:00'"},
      {"at::bigint", "2: there is no cast from timestamp to int64: use epoch_us(x)"},
      {"amount::decimal(3,1)",
       "8: a length or precision of type numeric is not supported: leave it out"},
      {"amount::real",
       "8: type float4 is not supported; allowed: boolean, bigint, double, text, timestamp, bytea"},
      {"99999999999999999999",
       "0: 99999999999999999999 does not fit an int64: write 99999999999999999999e0 for a double"},
      {"1e999", "0: 1e999 does not fit a double"},
      {"1 + sum(units)",
       "4: the aggregate sum is not allowed inside an expression: it must be the whole 'value' of "
       "a feature"},
      {"row_number() over ()",
       "0: not supported here: a window function (row_number over ...): windows are declared "
       "beside the SQL"},
      {"units + (select 1)", "8: not supported here: a subquery"},
      {"country ilike 'u%'", "8: not supported here: ilike: use lower(x) like ..."},
      {"country like 'u!%' escape '!'",
       "8: not supported here: like ... escape: '%' and '_' cannot be escaped"},
      {"country ~ 'u'", "8: operator '~' is not supported"},
      {"units // 2", "6: operator '//' is not supported: write div(a, b)"},
      {"current_date", "0: not supported here: the current date"},
      {"a.b", "0: a name with a dot ('a.b') is not supported"},
      {"extract(fortnight from at)", "8: extract has no field 'fortnight'; allowed: year,"},
      {"null", "0: the expression is always null"},
      {"upper(distinct country)",
       "0: not supported here: distinct in the arguments of function upper"},
      {"\xff", "0: byte 0xFF is not valid here: the text must be UTF-8"},
  };
  for (const BadCase& bad : cases) EXPECT_THAT(Parsed(bad.sql), HasSubstr(bad.error)) << bad.sql;
}

std::string Hint(std::string_view sql, const SqlColumns& columns) {
  const SqlResult<v1::Expression> result = ParseExpression(sql, columns);
  const auto* error = std::get_if<SqlError>(&result);
  return error == nullptr ? "none" : fmt::format("{}: {}", error->position, error->write);
}

TEST(ParseExpression, SaysWhatToWriteInstead) {
  SqlColumns columns = Columns();
  for (const char* name : {"order", "end", "User", "time", "all"}) {
    v1::Field* field = columns.Add();
    field->set_name(name);
    field->set_type(v1::INT64);
  }
  const BadCase cases[] = {
      {"order > 3", "0: \"order\""},
      {"amount > 0 and (END > 3)", "16: \"end\""},
      {"case when units > 1 then end else 2 end = 2", "25: \"end\""},
      {"case when order > 1 then order end = 2 and end = 1", "10: \"order\""},
      {"/* order */ 'order' = country or user = 1", "33: \"User\""},
      {"all", "0: \"all\""},
      {"time > 3 and \"order\" > 2", "none"},
      {"units > 1 && amount > 2", "10: and"},
      {"units > 1 && country = '&& ||' && paid", "10: and"},
      {"paid || units > 1", "5: or"},
      {"paid || paid", "5: or"},
      {"paid || units = 2 || country = '||'", "5: or"},
      {"country || units > 1", "19: "},
      {"country || 'x' = 'y'", "none"},
      {"country == 'US'", "8: ="},
      {"! paid", "0: not"},
      {"country = \"U'S\"", "10: 'U''S'"},
      {"`amount` > 1", "0: \"amount\""},
      {"country = `US`", "10: 'US'"},
      {"transactions.amount > 1", "0: amount"},
      {"count(*) where units > 1", "21: filter (where ...)"},
      {"country = '&&' and", "0: "},
      {"units > `", "9: "},
      {"units > `abc", "9: "},
      {"(units > 1", "10: "},
  };
  for (const BadCase& bad : cases) EXPECT_EQ(Hint(bad.sql, columns), bad.error) << bad.sql;
}

TEST(ParseExpression, RefusesWhatIsTooDeepOrTooLarge) {
  std::string deep = "units";
  for (int i = 0; i < 60; ++i) deep = "abs(" + deep + ")";
  EXPECT_THAT(Parsed(deep), HasSubstr("nested more than 40 levels"));
  std::string doubling = "units";
  for (int i = 0; i < 12; ++i) doubling = "(" + doubling + " between 1 and 2)::bigint";
  EXPECT_THAT(Parsed(doubling), HasSubstr("too large"));
  EXPECT_THAT(Parsed(std::string(20'000, ' ') + "1"), HasSubstr("too long"));
  EXPECT_THAT(Parsed(std::string(5'000, '(') + "1" + std::string(5'000, ')')),
              HasSubstr("INT64 1"));
}

TEST(ParseAggregate, GivesCanonicalNamesAndTypes) {
  EXPECT_EQ(Aggregated("count(*)"), "INT64 count()");
  EXPECT_EQ(Aggregated("count(country)"), "INT64 count(country)");
  EXPECT_EQ(Aggregated("sum(units)"), "INT64 sum(units)");
  EXPECT_EQ(Aggregated("sum(units * amount)"), "DOUBLE sum(multiply(cast(units):DOUBLE, amount))");
  EXPECT_EQ(Aggregated("avg(units)"), "DOUBLE mean(units)");
  EXPECT_EQ(Aggregated("min(country)"), "STRING min(country)");
  EXPECT_EQ(Aggregated("max(at)"), "TIMESTAMP max(at)");
  EXPECT_EQ(Aggregated("stddev_samp(units)"), "DOUBLE stddev(cast(units):DOUBLE)");
  EXPECT_EQ(Aggregated("skewness(units)"), "DOUBLE skewness(cast(units):DOUBLE)");
  EXPECT_EQ(Aggregated("var_pop(amount)"), "DOUBLE variance_pop(amount)");
  EXPECT_EQ(Aggregated("first(paid)"), "BOOL first(paid)");
  EXPECT_EQ(Aggregated("LAST(payload)"), "BYTES last(payload)");
  EXPECT_EQ(Aggregated("last_n(units, 1)"), "INT64_LIST last_n(units; 1)");
  EXPECT_EQ(Aggregated("last_n(amount + 1, 1000)"), "DOUBLE_LIST last_n(add(amount, 1d); 1000)");
  EXPECT_EQ(Aggregated("approx_count_distinct(at)"), "INT64 approx_count_distinct(at)");
  EXPECT_EQ(Aggregated("count(*) filter (where country <> 'US')"),
            "INT64 count() where not_equal(country, 'US')");
}

TEST(ParseAggregate, GivesListsOfEveryType) {
  EXPECT_EQ(Aggregated("last_n(paid, 2)"), "BOOL_LIST last_n(paid; 2)");
  EXPECT_EQ(Aggregated("last_n(country, 2)"), "STRING_LIST last_n(country; 2)");
  EXPECT_EQ(Aggregated("last_n(payload, 2)"), "BYTES_LIST last_n(payload; 2)");
  EXPECT_EQ(Aggregated("last_n(at, 2)"), "TIMESTAMP_LIST last_n(at; 2)");
}

TEST(ParseAggregate, KeepsTheTextForPeople) {
  const auto result = ParseAggregate("  sum(units) ", Columns());
  EXPECT_EQ(std::get<v1::Aggregate>(result).sql(), "sum(units)");
}

TEST(ParseAggregate, SaysWhatIsWrongAndWhere) {
  const BadCase cases[] = {
      {"count(distinct units)",
       "0: count(distinct ...) is not supported: use approx_count_distinct(...)"},
      {"sum(units order by at)", "0: order by inside sum is not supported"},
      {"sum(units) over ()", "0: a window function (sum over ...) is not supported"},
      {"sum(units) / count(*)", "11: expected one aggregate call, as in sum(x) filter (where ...)"},
      {"units", "0: expected one aggregate call"},
      {"summ(units)", "0: 'summ' is not an aggregate, did you mean 'sum'?; allowed: count, sum,"},
      {"sum(country)", "4: sum needs numbers, found string"},
      {"sum(paid)",
       "4: sum needs numbers, found bool: count(*) filter (where ...) counts what is true"},
      {"sum(*)", "0: sum(*) is not allowed: sum needs one argument"},
      {"count()", "0: count needs one argument, found 0: write count(*)"},
      {"sum(units, 2)", "0: sum needs one argument, found 2"},
      {"sum(sum(units))", "4: the aggregate sum is not allowed inside an expression"},
      {"sum(units) filter (where units)",
       "25: 'filter (where ...)' needs true or false, found int64"},
      {"sum(null)", "4: the argument of sum is always null"},
      {"last_n(units)", "0: last_n needs two arguments, last_n(x, n), found 1"},
      {"last_n(units, 2, 3)", "0: last_n needs two arguments, last_n(x, n), found 3"},
      {"last_n(*)", "0: last_n(*) is not allowed: last_n needs two arguments, last_n(x, n)"},
      {"last_n(units, 0)", "14: n of last_n(x, n) must be a whole number from 1 to 1000, found 0"},
      {"last_n(units, -3)",
       "14: n of last_n(x, n) must be a whole number from 1 to 1000, found -3"},
      {"last_n(units, 1001)",
       "14: n of last_n(x, n) must be a whole number from 1 to 1000, found 1001"},
      {"last_n(units, 2.5)",
       "14: n of last_n(x, n) must be a whole number from 1 to 1000, found a double"},
      {"last_n(units, '5')", "found a string"},
      {"last_n(units, null)", "found null"},
      {"last_n(units, units)", "found an expression"},
      {"last_n(units, 2 + 3)", "found an expression"},
      {"last_n(units, unit)", "14: there is no column 'unit'"},
  };
  for (const BadCase& bad : cases)
    EXPECT_THAT(Aggregated(bad.sql), HasSubstr(bad.error)) << bad.sql;
}

}  // namespace
}  // namespace forebay
