// What an S3-compatible store says went wrong, and what to do about it.
//
// Rights, credentials, buckets and clocks are mended elsewhere, while forebay runs: what was
// refused for them is UNAVAILABLE. FAILED_PRECONDITION: settings must be changed.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_S3_S3_ERROR_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_S3_S3_ERROR_H_

#include <string>

#include "absl/status/status.h"
#include "connectors/object_store/s3/http.h"

namespace forebay {

// Of an answer that is no success. The code is the store's ("NoSuchKey"), or made of the status
// where it gives none, as to HEAD.
struct S3Error {
  int status = 0;
  std::string code;
  std::string message;  // the store's
  std::string region;   // where the bucket is, if it says so

  // The store is not well; the same request may work soon.
  bool IsTransient() const;
  // The credentials are not good, or no more: others may be there by now.
  bool IsOfCredentials() const;
};

S3Error ReadS3Error(const HttpAnswer& answer);

// What was asked, for messages.
struct S3Question {
  std::string doing;       // "write s3://bucket/key"
  std::string permission;  // "s3:PutObject on arn:aws:s3:::bucket/key"
  std::string bucket;
  std::string endpoint;  // "https://s3.eu-west-1.amazonaws.com"
  std::string region;    // that was taken for the bucket's
  std::string who;       // "AKIA... of the profile default in /home/me/.aws/credentials"
};

// The codes are those of object_store.h.
absl::Status ToStatus(const S3Error& error, const S3Question& question);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_S3_S3_ERROR_H_
