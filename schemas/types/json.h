// JSON text, appended to a string or written to memory: what update records, keys and HTTP answers
// are made of.
//
//   std::string out = "{";
//   AppendJsonString("spend_10m", &out);
//   out += ':';
//   AppendJsonDouble(12.5, &out);
//
//   char text[kMaxJsonDouble];
//   char* end = WriteJsonDouble(12.5, text);
//
// Nothing is allocated but the growth of `out`. The same value always gives the same text.
#ifndef FOREBAY_SCHEMAS_TYPES_JSON_H_
#define FOREBAY_SCHEMAS_TYPES_JSON_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "schemas/types/data_type.h"
#include "schemas/types/digits.h"
#include "schemas/types/shortest_double.h"
#include "schemas/types/value.h"

namespace forebay {

// A quoted string. Only '"', '\' and bytes below 0x20 are escaped. The output is always valid
// UTF-8: each byte of `text` that is not part of a well-formed sequence becomes U+FFFD.
void AppendJsonString(std::string_view text, std::string* out);

// The bytes in base64 (RFC 4648, padded), quoted.
void AppendJsonBytes(std::string_view bytes, std::string* out);

void AppendJsonInt(int64_t value, std::string* out);

// The shortest text that reads back as the same double: 12.5, 3, 1e+22, -0.0. Infinities are the
// strings "Infinity" and "-Infinity", which JSON has no number for; NaN, which no feature has
// (S21), is null.
void AppendJsonDouble(double value, std::string* out);

// A quoted FormatTime(): "2013-01-01T05:00:00.000000Z".
void AppendJsonTime(int64_t micros, std::string* out);

// The same texts, written to `out`, which has that much room: more than the longest needs, as they
// are written in whole words. Returns the end of the text.
inline constexpr size_t kMaxJsonInt = kDigitsRoom;
inline constexpr size_t kMaxJsonDouble = kShortestDoubleRoom;
inline constexpr size_t kMaxJsonTime = 48;
constexpr size_t MaxJsonString(size_t bytes) { return 6 * bytes + 2; }
constexpr size_t MaxJsonBytes(size_t bytes) { return (bytes + 2) / 3 * 4 + 2; }
char* WriteJsonInt(int64_t value, char* out);
char* WriteJsonDouble(double value, char* out);
char* WriteJsonTime(int64_t micros, char* out);
char* WriteJsonString(std::string_view text, char* out);
char* WriteJsonBytes(std::string_view bytes, char* out);

// Any of the Append forms, or null, true, false; a list as an array of them. REQUIRES: `value` is
// null or of `type`.
void AppendJsonValue(const Value& value, DataType type, std::string* out);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_JSON_H_
