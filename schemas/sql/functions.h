// The table of scalar functions with fixed argument types, and the names of all functions.
#ifndef FOREBAY_SCHEMAS_SQL_FUNCTIONS_H_
#define FOREBAY_SCHEMAS_SQL_FUNCTIONS_H_

#include <string>
#include <string_view>
#include <vector>

#include "schemas/sql/node.h"

namespace forebay::sql {

// One form of a function: its name in SQL, its kernel, and the types.
struct Signature {
  std::string_view name;
  std::string_view kernel;
  std::vector<v1::DataType> arguments;
  v1::DataType result;
};

// All forms of `name`; of forms that fit through casts, the first is taken.
std::vector<const Signature*> FindSignatures(std::string_view name);

// The call of the form of `name` that takes `arguments`, with casts where int64 is given for
// double.
MaybeNode CallFunction(std::string_view name, std::vector<Node> arguments, int position,
                       ErrorSlot* errors);

// The names of all scalar functions, for error messages; those that the checker knows by itself
// too.
std::vector<std::string> ScalarFunctionNames();

// The fields of extract and date_part: "year" is kernel extract_year. Empty if there is none.
std::string ExtractKernel(std::string_view field);
v1::DataType ExtractType(std::string_view kernel);
std::vector<std::string> ExtractFieldNames();

// "year" ... for date_trunc. Empty if there is none.
std::string TruncateKernel(std::string_view unit);
std::vector<std::string> TruncateUnitNames();

}  // namespace forebay::sql

#endif  // FOREBAY_SCHEMAS_SQL_FUNCTIONS_H_
