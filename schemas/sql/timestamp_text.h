// Timestamps as SQL text: literals, casts from and to text.
#ifndef FOREBAY_SCHEMAS_SQL_TIMESTAMP_TEXT_H_
#define FOREBAY_SCHEMAS_SQL_TIMESTAMP_TEXT_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace forebay {

// "2013-01-01", "2013-01-01 05:06", "2013-01-01T05:06:07.123456Z", "... 05:06:07+02:00": a date of
// the years 1 to 9999, then a time of day with up to 9 digits of fraction (floored to
// microseconds), then an offset from UTC, which is applied. Microseconds since the epoch, UTC;
// nothing if it is not that.
std::optional<int64_t> ParseTimestampText(std::string_view text);

// Room for the longest text of FormatTimestampText.
inline constexpr int kMaxTimestampText = 40;

// "2013-01-01 05:06:07", with ".123456" without its last zeros if it has a fraction of a second.
// Writes to `buffer`, at least kMaxTimestampText bytes; a date before year 1 has " (BC)" after it.
std::string_view FormatTimestampText(int64_t micros, char* buffer);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_SQL_TIMESTAMP_TEXT_H_
