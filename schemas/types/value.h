// One owned feature value, key part or label: what leaves the engine for a reader.
#ifndef FOREBAY_SCHEMAS_TYPES_VALUE_H_
#define FOREBAY_SCHEMAS_TYPES_VALUE_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace forebay {

// int64_t: INT64, and TIMESTAMP in microseconds UTC. string: STRING and BYTES. The DataType is that
// of the column it belongs to, and is not repeated here.
using ValueElement = std::variant<bool, int64_t, double, std::string>;

// In their order; none is null. A list is never empty: what has no elements is null, so that it
// reads the same from formats that cannot tell the two apart (protobuf's `repeated`).
using ValueList = std::vector<ValueElement>;

// monostate: null. Else a scalar as in ValueElement, or a list.
using Value = std::variant<std::monostate, bool, int64_t, double, std::string, ValueList>;

inline bool IsNull(const Value& value) { return std::holds_alternative<std::monostate>(value); }

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_VALUE_H_
