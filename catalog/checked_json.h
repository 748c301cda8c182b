// A message as two lines of JSON: what it says, and the CRC-32C of that line.
//
//   {"version":"7",...}
//   {"crc32c":"e3069283"}
#ifndef FOREBAY_CATALOG_CHECKED_JSON_H_
#define FOREBAY_CATALOG_CHECKED_JSON_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace google::protobuf {
class Message;
}

namespace forebay {

absl::StatusOr<std::string> EncodeChecked(const google::protobuf::Message& message);

// DATA_LOSS: it is no such text, or not whole. FAILED_PRECONDITION: a newer forebay wrote it, with
// fields that this one does not know.
absl::Status DecodeChecked(std::string_view text, google::protobuf::Message* message);

}  // namespace forebay

#endif  // FOREBAY_CATALOG_CHECKED_JSON_H_
