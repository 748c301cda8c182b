// The rules of aggregate calls: which take what, and the type of their value.
#ifndef FOREBAY_SCHEMAS_SQL_AGGREGATE_H_
#define FOREBAY_SCHEMAS_SQL_AGGREGATE_H_

#include <optional>
#include <string_view>

#include "nlohmann/json_fwd.hpp"
#include "schemas/sql/node.h"

namespace forebay::sql {

// The parser's name of an aggregate function ("avg") to the canonical one ("mean"); empty if it is
// none.
std::string_view AggregateName(std::string_view name);

// The aggregate of a syntax tree that is one call. `sql` is the text of the tree.
std::optional<v1::Aggregate> CheckAggregate(std::string_view sql, const nlohmann::json& tree,
                                            const SqlColumns& columns, ErrorSlot* errors);

}  // namespace forebay::sql

#endif  // FOREBAY_SCHEMAS_SQL_AGGREGATE_H_
