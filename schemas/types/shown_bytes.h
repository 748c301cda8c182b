// Bytes that come from elsewhere (keys and values of records), as text for a person to read.
#ifndef FOREBAY_SCHEMAS_TYPES_SHOWN_BYTES_H_
#define FOREBAY_SCHEMAS_TYPES_SHOWN_BYTES_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace forebay {

// The first `most` bytes in single quotes, as 'u7' or 'u\xff\n...': control characters and what is
// not UTF-8 escaped as in C, one line always; "..." where more follow.
std::string ShownBytes(std::string_view bytes, size_t most = 64);

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_SHOWN_BYTES_H_
