// The files ~/.aws/credentials and ~/.aws/config.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_S3_PROFILE_FILE_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_S3_PROFILE_FILE_H_

#include <map>
#include <string>
#include <string_view>

namespace forebay {

// The keys and values of the section `[name]`; of sections of one name the last key counts. What is
// indented belongs to the line before it and is left out, as are comments (# and ;).
std::map<std::string, std::string> ReadProfileSection(std::string_view text, std::string_view name);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_S3_PROFILE_FILE_H_
