// Who asks an object store: found where AWS's own tools look.
//
// In this order: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; the token file of
// a web identity (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN); the profile AWS_PROFILE in
// ~/.aws/credentials and ~/.aws/config; what a container's agent gives
// (AWS_CONTAINER_CREDENTIALS_*_URI); the role of the machine, from its metadata service.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_S3_CREDENTIALS_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_S3_CREDENTIALS_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace forebay {

struct S3Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // empty: they are lasting ones
  absl::Time expires = absl::InfiniteFuture();
  std::string origin;  // "the profile default in /home/me/.aws/credentials"
};

// Thread-safe.
class CredentialChain {
 public:
  // Those that were found before, until five minutes before they expire. FAILED_PRECONDITION: there
  // are none, or a file of them is wrong. UNAVAILABLE: who gives them does not answer, or there are
  // none any more, which may be so while they are renewed.
  absl::StatusOr<S3Credentials> Get();

  // Looks again at the next Get, as the store refused those there are.
  void Forget();

 private:
  absl::Mutex mutex_;
  std::optional<S3Credentials> found_ ABSL_GUARDED_BY(mutex_);
  bool found_before_ ABSL_GUARDED_BY(mutex_) = false;
};

// The value of a variable of the environment; empty: it is not set.
std::string FromEnvironment(const char* name);

// What the profile AWS_PROFILE says in ~/.aws/config: "region", "endpoint_url"; empty where it does
// not.
std::map<std::string, std::string> ProfileSettings();

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_S3_CREDENTIALS_H_
