// HTTP requests over connections that are kept open.
//
//   HttpClient client({.idle = absl::Seconds(30)});
//   absl::StatusOr<HttpAnswer> answer = client.Send(request);   // OK whatever the server said
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_S3_HTTP_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_S3_HTTP_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace forebay {

struct HttpRequest {
  std::string method;
  std::string scheme = "https";
  std::string host;                            // with the port, if it is not the scheme's own
  std::string path = "/";                      // encoded
  std::map<std::string, std::string> query;    // as it is; encoded when it is sent
  std::map<std::string, std::string> headers;  // names in lower case
  std::string_view body;                       // outlives the request
  // Where the body of a success goes, rather than into the answer; what does not fit is an error.
  char* into = nullptr;
  int64_t room = 0;
};

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // without what went to `into`
  int64_t body_size = 0;                       // with it

  bool ok() const { return status >= 200 && status < 300; }
  std::string Header(const std::string& name) const;  // empty: there is none
};

struct HttpOptions {
  absl::Duration connect = absl::Seconds(5);
  absl::Duration idle = absl::Seconds(30);  // without a byte, either way
  std::string ca_file;                      // empty: the system's
};

// Thread-safe; each request takes a connection of its own.
class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Errors are of the way there and back, none the server's: UNAVAILABLE, nothing was sent;
  // ABORTED, the server may have done what was asked; FAILED_PRECONDITION, its certificate is not
  // trusted.
  absl::StatusOr<HttpAnswer> Send(const HttpRequest& request);

 private:
  void* Take();
  void GiveBack(void* connection);

  const HttpOptions options_;
  absl::Mutex mutex_;
  std::vector<void*> idle_ ABSL_GUARDED_BY(mutex_);  // CURL handles
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_S3_HTTP_H_
