// The names of types in casts.
#ifndef FOREBAY_SCHEMAS_SQL_TYPE_NAMES_H_
#define FOREBAY_SCHEMAS_SQL_TYPE_NAMES_H_

#include <optional>

#include "nlohmann/json_fwd.hpp"
#include "schemas/sql/node.h"

namespace forebay::sql {

// The type of a TypeName node; an error if forebay has no such type. `position` if the node has
// none.
std::optional<v1::DataType> ReadTypeName(const nlohmann::json& type_name, int position,
                                         ErrorSlot* errors);

// Whether cast(x as ...) exists between two types.
bool CastExists(v1::DataType from, v1::DataType to);

}  // namespace forebay::sql

#endif  // FOREBAY_SCHEMAS_SQL_TYPE_NAMES_H_
