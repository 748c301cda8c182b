// The objects and folders of a bucket that begin alike.
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_S3_LISTING_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_S3_LISTING_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/object_store/object_store.h"
#include "connectors/object_store/s3/s3_client.h"

namespace forebay {

struct S3Listing {
  std::vector<ObjectInfo> objects;   // their keys, in order
  std::vector<std::string> folders;  // up to their '/', which is left out
};

struct S3ListingRequest {
  std::string prefix;     // of the keys
  std::string after;      // those that come later alone
  bool one_level = true;  // what has a '/' behind the prefix is a folder
  int page = 1000;        // names that an answer has at most; S3 gives no more
};

// All pages of it.
absl::StatusOr<S3Listing> ListKeys(S3Client* client, const S3ListingRequest& request);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_S3_LISTING_H_
