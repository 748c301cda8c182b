#ifndef FOREBAY_CONNECTORS_DECODE_BASE64_H_
#define FOREBAY_CONNECTORS_DECODE_BASE64_H_

#include <string>
#include <string_view>

namespace forebay {

// Replaces `out` by what the base64 text stands for (RFC 4648, section 4: no white space, no
// characters of the URL form). The padding may be left out. False: it is not base64; `out` is then
// anything.
bool DecodeBase64(std::string_view text, std::string* out);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_DECODE_BASE64_H_
