// A number and its noun, in messages.
#ifndef FOREBAY_SCHEMAS_TYPES_COUNTED_H_
#define FOREBAY_SCHEMAS_TYPES_COUNTED_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "fmt/format.h"

namespace forebay {

// "1 entity", "2 entities".
inline std::string Counted(int64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_COUNTED_H_
