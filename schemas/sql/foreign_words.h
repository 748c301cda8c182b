// What other dialects of SQL have and this one has not, and what to write here.
#ifndef FOREBAY_SCHEMAS_SQL_FOREIGN_WORDS_H_
#define FOREBAY_SCHEMAS_SQL_FOREIGN_WORDS_H_

#include <string_view>

namespace forebay::sql {

// Why a name with a dot and the operators of JSON lead nowhere.
inline constexpr std::string_view kNestedFields =
    "fields inside a field cannot be read yet, a column is a field of the event itself";

struct ForeignWord {
  std::string_view word;     // in lower case
  std::string_view problem;  // why there is none; empty: it only has another name
  std::string_view write;    // instead; empty: nothing does the same
};

// Each is null for a word that is not known.
const ForeignWord* FindForeignFunction(std::string_view name);
const ForeignWord* FindForeignAggregate(std::string_view name);
const ForeignWord* FindForeignOperator(std::string_view symbol);

}  // namespace forebay::sql

#endif  // FOREBAY_SCHEMAS_SQL_FOREIGN_WORDS_H_
