// One owned feature value, key part or label: what leaves the engine for a reader.
#ifndef FOREBAY_SCHEMAS_TYPES_VALUE_H_
#define FOREBAY_SCHEMAS_TYPES_VALUE_H_

#include <cstdint>
#include <string>
#include <variant>

namespace forebay {

// monostate: null. int64_t: INT64, and TIMESTAMP in microseconds UTC. string: STRING and BYTES.
// The DataType is that of the column it belongs to, and is not repeated here.
using Value = std::variant<std::monostate, bool, int64_t, double, std::string>;

inline bool IsNull(const Value& value) { return std::holds_alternative<std::monostate>(value); }

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_VALUE_H_
