// A name in an expression to a column of the source.
#ifndef FOREBAY_SCHEMAS_SQL_COLUMN_REFERENCE_H_
#define FOREBAY_SCHEMAS_SQL_COLUMN_REFERENCE_H_

#include <string_view>

#include "nlohmann/json_fwd.hpp"
#include "schemas/sql/node.h"

namespace forebay::sql {

// The column that `reference`, the body of a ColumnRef node of `sql`, names: whatever its case, if
// only one has that name. Fails for all else, with what to write. REQUIRES: it is not `*`.
MaybeNode ColumnOf(std::string_view sql, const nlohmann::json& reference, const SqlColumns& columns,
                   ErrorSlot* errors);

}  // namespace forebay::sql

#endif  // FOREBAY_SCHEMAS_SQL_COLUMN_REFERENCE_H_
