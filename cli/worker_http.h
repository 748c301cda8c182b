// Questions to a running worker.
#ifndef FOREBAY_CLI_WORKER_HTTP_H_
#define FOREBAY_CLI_WORKER_HTTP_H_

#include <string>

#include "absl/status/statusor.h"

namespace forebay {

// The body of the answer, an error's, too, to a JSON request. UNAVAILABLE: nobody answers there.
absl::StatusOr<std::string> PostToWorker(const std::string& url, const std::string& request);

}  // namespace forebay

#endif  // FOREBAY_CLI_WORKER_HTTP_H_
