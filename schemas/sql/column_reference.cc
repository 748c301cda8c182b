#include "schemas/sql/column_reference.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "nlohmann/json.hpp"
#include "schemas/sql/syntax_tree.h"
#include "schemas/types/nearest_name.h"

namespace forebay::sql {
namespace {

using nlohmann::json;

// That of the name itself, or all that differ in case only: PostgreSQL's parser folds names without
// quotes to lower case.
std::vector<const v1::Field*> ColumnsNamed(const std::string& name, const SqlColumns& columns) {
  std::vector<const v1::Field*> found;
  for (const v1::Field& column : columns) {
    if (column.name() == name) return {&column};
    if (absl::EqualsIgnoreCase(column.name(), name)) found.push_back(&column);
  }
  return found;
}

MaybeNode DottedName(const json& fields, int position, const SqlColumns& columns,
                     ErrorSlot* errors) {
  std::vector<std::string> parts;
  for (const json& field : fields) {
    parts.push_back(field.contains("String") ? field["String"].value("sval", "") : "*");
  }
  const bool is_column = parts.size() == 2 && !ColumnsNamed(parts[1], columns).empty();
  return errors->Fail(
      position,
      fmt::format("a name with a dot ('{}') is not supported: {}{}", fmt::join(parts, "."),
                  kNestedFields, is_column ? "; for the column of the source" : ""),
      is_column ? parts[1] : "");
}

MaybeNode UnknownColumn(const std::string& name, bool quoted, int position,
                        const SqlColumns& columns, ErrorSlot* errors) {
  std::vector<std::string> names;
  for (const v1::Field& column : columns) names.push_back(column.name());
  if (quoted) {
    return errors->Fail(position,
                        fmt::format("there is no column \"{}\"{}; text stands in single quotes",
                                    name, DidYouMean(name, names)),
                        fmt::format("'{}'", absl::StrReplaceAll(name, {{"'", "''"}})));
  }
  const std::string near = DidYouMean(name, names);
  return errors->Fail(position, fmt::format("there is no column '{}'{}; columns: {}{}", name, near,
                                            fmt::join(names, ", "),
                                            near.empty() ? "; text stands in single quotes" : ""));
}

}  // namespace

MaybeNode ColumnOf(std::string_view sql, const json& reference, const SqlColumns& columns,
                   ErrorSlot* errors) {
  const int position = LocationOf(reference);
  const json& fields = reference["fields"];
  if (fields.size() > 1) return DottedName(fields, position, columns, errors);
  const std::string name = fields[0]["String"].value("sval", "");
  const std::vector<const v1::Field*> found = ColumnsNamed(name, columns);
  if (found.empty()) {
    const bool quoted = sql.substr(static_cast<size_t>(position)).starts_with('"');
    return UnknownColumn(name, quoted, position, columns, errors);
  }
  if (found.size() > 1) {
    return errors->Fail(position,
                        fmt::format("'{}' may be column {} or {}: write it in double quotes", name,
                                    found[0]->name(), found[1]->name()));
  }
  Node node;
  node.position = position;
  node.expression.set_type(found[0]->type());
  node.expression.set_column(found[0]->name());
  return node;
}

}  // namespace forebay::sql
