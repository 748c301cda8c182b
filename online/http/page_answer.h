// An answer to an HTTP request, and the one shape that errors have.
#ifndef FOREBAY_ONLINE_HTTP_PAGE_ANSWER_H_
#define FOREBAY_ONLINE_HTTP_PAGE_ANSWER_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace forebay {

struct PageAnswer {
  unsigned status = 200;
  std::string_view content_type = "application/json";
  std::string body;
  std::string allow = "";  // not empty: the methods that a 405 allows
};

// The answer that says what is wrong, in the shape of docs/serving.md, with the HTTP status that
// fits.
PageAnswer ErrorAnswer(const absl::Status& status);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_PAGE_ANSWER_H_
