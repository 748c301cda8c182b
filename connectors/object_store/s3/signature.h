// AWS Signature Version 4, as S3 wants it.
//
//   HttpRequest request{.method = "GET", .host = "bucket.s3.eu-west-1.amazonaws.com",
//                       .path = EncodePath("/a b"), .query = {{"list-type", "2"}}};
//   Sign(credentials, "eu-west-1", absl::Now(), &request);   // adds the headers that prove who
//   asks
#ifndef FOREBAY_CONNECTORS_OBJECT_STORE_S3_SIGNATURE_H_
#define FOREBAY_CONNECTORS_OBJECT_STORE_S3_SIGNATURE_H_

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "connectors/object_store/s3/credentials.h"
#include "connectors/object_store/s3/http.h"

namespace forebay {

// Percent-encoded but for letters, digits and "-._~"; of a path, also but for '/'.
std::string EncodeUri(std::string_view text);
std::string EncodePath(std::string_view text);

// "a=1&b=x%20y", in the order in which it is signed.
std::string EncodeQuery(const std::map<std::string, std::string>& query);

// Adds x-amz-date, x-amz-content-sha256, x-amz-security-token and authorization. All headers that
// are there before are signed. REQUIRES: they have lower-case names.
void Sign(const S3Credentials& credentials, std::string_view region, absl::Time now,
          HttpRequest* request);

// In lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view bytes);

// In base 64.
std::string Md5Base64(std::string_view bytes);

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_OBJECT_STORE_S3_SIGNATURE_H_
