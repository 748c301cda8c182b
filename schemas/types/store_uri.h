// Where objects live: a folder of a file system, or a part of a bucket.
//
//   StoreUri uri = StoreUri::Parse("s3://bucket/warehouse").value();
//   uri.ToString();                    // "s3://bucket/warehouse"
//   StoreUri::Folder("/data/x").ToString();   // "/data/x"
#ifndef FOREBAY_SCHEMAS_TYPES_STORE_URI_H_
#define FOREBAY_SCHEMAS_TYPES_STORE_URI_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace forebay {

struct StoreUri {
  enum class Scheme : uint8_t { kFile, kS3 };

  Scheme scheme = Scheme::kFile;
  std::string bucket;  // of S3
  std::string path;    // of a file system: the folder; of S3: what the keys begin with, or ""

  // A plain path, file:// and an absolute path, or s3://bucket or s3://bucket/path (s3a and s3n
  // mean the same). A path of a file system stays relative if it is, and loses '/' at its end.
  // INVALID_ARGUMENT: its message is what was expected, such as "a path, or a file:// or s3:// URI".
  static absl::StatusOr<StoreUri> Parse(std::string_view text);

  static StoreUri Folder(std::string path) { return {.path = std::move(path)}; }

  // Of a file system, the plain path.
  std::string ToString() const;

  bool is_file() const { return scheme == Scheme::kFile; }
  bool operator==(const StoreUri&) const = default;
};

}  // namespace forebay

#endif  // FOREBAY_SCHEMAS_TYPES_STORE_URI_H_
