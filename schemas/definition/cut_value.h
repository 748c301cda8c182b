// Values of YAML's flow maps, {name: value}, without quotes, which a comma within their parentheses
// cuts short: {value: last_n(amount, 3)} has the keys `value` and `3)`.
#ifndef FOREBAY_SCHEMAS_DEFINITION_CUT_VALUE_H_
#define FOREBAY_SCHEMAS_DEFINITION_CUT_VALUE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace forebay::definition {

// In bytes of the text.
struct CutValue {
  size_t start;  // of the value as it was meant
  size_t end;
  size_t comma;  // the first that cuts it
};

// The value without quotes that starts at `start`. Nothing if no comma cuts it, or if its
// parentheses and quotes are not closed within the line.
std::optional<CutValue> FindCutValue(std::string_view text, size_t start);

// The one that `at` is in.
std::optional<CutValue> FindCutValueAround(std::string_view text, size_t at);

// What to do about it: a message that stands at the comma.
std::string CutValueMessage(std::string_view text, const CutValue& cut);

}  // namespace forebay::definition

#endif  // FOREBAY_SCHEMAS_DEFINITION_CUT_VALUE_H_
