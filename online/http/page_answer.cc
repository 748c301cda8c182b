#include "online/http/page_answer.h"

#include "online/http/read_json.h"

namespace forebay {
namespace {

unsigned HttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

}  // namespace

PageAnswer ErrorAnswer(const absl::Status& status) {
  PageAnswer answer;
  answer.status = HttpStatus(status.code());
  answer.body = ErrorJson(absl::StatusCodeToString(status.code()), std::string(status.message()));
  return answer;
}

}  // namespace forebay
