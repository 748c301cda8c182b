// A text without the white space around it.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_S3_TRIMMED_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_S3_TRIMMED_H_

#include <algorithm>
#include <string_view>

namespace forebay {

inline std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_S3_TRIMMED_H_
