// Requests to one bucket: signed, tried again while the store is not well, counted.
//
//   S3Client client("bucket", settings);
//   absl::StatusOr<HttpAnswer> answer = client.Send({.kind = RequestKind::kRead, .key = "a/b"});
//
// A request that fails for a passing reason (503 and the like, time-outs, connections that break)
// is tried again, after pauses that grow and are random, for `settings.retry_for`. Once that was in
// vain, requests are tried once each until one works: who waits for many of them does not wait
// that long for each.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_S3_S3_CLIENT_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_S3_S3_CLIENT_H_

#include <atomic>
#include <map>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/random/random.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "connectors/object_store/request_counts.h"
#include "connectors/object_store/s3/credentials.h"
#include "connectors/object_store/s3/http.h"
#include "connectors/object_store/s3/s3_error.h"
#include "schemas/types/s3_settings.h"

namespace forebay {

struct S3Request {
  RequestKind kind = RequestKind::kRead;
  std::string method = "GET";
  std::string key;  // empty: the bucket itself
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;
  std::string_view body;  // outlives the request
  char* into = nullptr;   // as in HttpRequest
  int64_t room = 0;
  std::string doing = "read";  // for messages, as is the next
  std::string permission = "s3:GetObject";
};

// Thread-safe.
class S3Client {
 public:
  // Empty settings are looked up in the environment and in ~/.aws/config.
  S3Client(std::string bucket, S3Settings settings);

  // Of a success. Errors as in object_store.h. `repeated`, if given: whether an earlier try of this
  // request may have done what was asked, although it was not told so.
  absl::StatusOr<HttpAnswer> Send(const S3Request& request, bool* repeated = nullptr);

  const std::string& bucket() const { return bucket_; }
  RequestCounts counts() const { return counter_.counts(); }

 private:
  // What came of one try.
  struct Try {
    absl::StatusOr<HttpAnswer> result;
    bool transient = false;  // try again
    bool ambiguous = false;  // it may have been done
    bool of_credentials = false;
  };

  Try TryOnce(const S3Request& request);
  static Try Judge(absl::StatusOr<HttpAnswer> answer, const S3Request& request,
                   const S3Question& question);
  HttpRequest ToHttp(const S3Request& request) const;
  void PauseBefore(int retry);

  const std::string bucket_;
  const S3Settings settings_;  // complete
  bool path_style_ = false;
  std::string scheme_;
  std::string host_;
  std::string base_path_;  // of the endpoint; "" or "/s3"
  HttpClient http_;
  CredentialChain credentials_;
  RequestCounter counter_;
  std::atomic<bool> away_{false};  // retries were in vain, and nothing has worked since

  absl::Mutex mutex_;
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_S3_S3_CLIENT_H_
