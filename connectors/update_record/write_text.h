// Copies a text to where there is room for it.
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_WRITE_TEXT_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_WRITE_TEXT_H_

#include <cstring>
#include <string_view>

namespace forebay {

// Returns the end of what was written.
inline char* WriteText(std::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_WRITE_TEXT_H_
