// SQL text to typed expressions, in PostgreSQL's grammar. What is supported, and what it means:
// docs/expressions.md.
//
//   auto result = ParseExpression("amount > 0 and country <> 'US'", source.schema());
//   if (auto* error = std::get_if<SqlError>(&result)) Report(error->message, error->position);
//
// In the result every name and type is resolved, and int64 -> double casts are nodes of their own.
// Thread-safe.
#ifndef FOREBAY_SCHEMAS_SQL_SQL_H_
#define FOREBAY_SCHEMAS_SQL_SQL_H_

#include <string>
#include <string_view>
#include <variant>

namespace google::protobuf {
template <typename T>
class RepeatedPtrField;
}

namespace forebay {

namespace v1 {
class Aggregate;
class Expression;
class Field;
}  // namespace v1

// What is wrong, what is allowed, and where: a sentence without the place.
struct SqlError {
  std::string message;
  int position = 0;        // byte offset in the text, from 0
  std::string write = {};  // what belongs there instead, as SQL; empty: nothing known
};

template <typename T>
using SqlResult = std::variant<T, SqlError>;

using SqlColumns = google::protobuf::RepeatedPtrField<v1::Field>;

// A scalar expression over `columns`, the fields of a source's schema.
SqlResult<v1::Expression> ParseExpression(std::string_view sql, const SqlColumns& columns);

// One aggregate call, as in `sum(amount) filter (where country = 'US')`. The canonical names in
// Aggregate.function: count, sum, mean, min, max, stddev, stddev_pop, variance, variance_pop,
// skewness, first, last, last_n, approx_count_distinct.
SqlResult<v1::Aggregate> ParseAggregate(std::string_view sql, const SqlColumns& columns);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_SQL_SQL_H_
