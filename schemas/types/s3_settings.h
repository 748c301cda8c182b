// How an S3-compatible object store is reached: the section `s3` of forebay.yaml.
#ifndef FOREBAY_SCHEMAS_TYPES_S3_SETTINGS_H_
#define FOREBAY_SCHEMAS_TYPES_S3_SETTINGS_H_

#include <cstdint>
#include <string>

namespace forebay {

// Where the bucket's name goes in a URL.
enum class S3AddressingStyle : uint8_t {
  kAuto,     // path where an endpoint is given, virtual for AWS itself
  kPath,     // https://endpoint/bucket/key
  kVirtual,  // https://bucket.endpoint/key
};

// Empty: what the usual variables and files of AWS's tools say, then AWS itself.
struct S3Settings {
  std::string endpoint;  // "https://minio.example.com:9000"
  std::string region;
  S3AddressingStyle addressing_style = S3AddressingStyle::kAuto;
  std::string ca_file;                      // PEM; of whom certificates are trusted
  int64_t request_timeout_us = 30'000'000;  // without a byte
  int64_t retry_for_us = 20'000'000;        // from the first try of a request on
};

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_S3_SETTINGS_H_
