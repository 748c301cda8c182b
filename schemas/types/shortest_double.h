// Doubles as the shortest text that reads back as the same double, the bytes that std::to_chars
// gives, in less time: most doubles that people compute with are decimals of few digits.
#ifndef FOREBAY_SCHEMAS_TYPES_SHORTEST_DOUBLE_H_
#define FOREBAY_SCHEMAS_TYPES_SHORTEST_DOUBLE_H_

#include <cstddef>

namespace forebay {

inline constexpr size_t kMaxShortestDouble = 24;  // -1.7976931348623157e+308

// Room for WriteShortestDouble, which writes in pieces larger than the text.
inline constexpr size_t kShortestDoubleRoom = 48;

// Returns the end. REQUIRES: finite and not 0.
char* WriteShortestDouble(double value, char* out);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_SHORTEST_DOUBLE_H_
