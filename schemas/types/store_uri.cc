#include "schemas/types/store_uri.h"

#include <fmt/format.h>

#include <algorithm>

#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

absl::Status Expected(std::string_view form) { return absl::InvalidArgumentError(std::string(form)); }

bool IsLowerOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// S3's own rules: other stores take no more.
bool IsBucketName(std::string_view name) {
  return name.size() >= 3 && name.size() <= 63 && IsLowerOrDigit(name.front()) &&
         IsLowerOrDigit(name.back()) && std::all_of(name.begin(), name.end(), [](char c) {
           return IsLowerOrDigit(c) || c == '.' || c == '-';
         });
}

// "." and ".." are names like others in a bucket, which nobody means; nor names that are empty.
bool IsKeyPrefix(std::string_view path) {
  return fmt::format("/{}/", path).find("//") == std::string::npos &&
         fmt::format("/{}/", path).find("/./") == std::string::npos &&
         fmt::format("/{}/", path).find("/../") == std::string::npos;
}

std::string_view WithoutSlashes(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

absl::StatusOr<StoreUri> ParseBucket(std::string_view rest) {
  size_t slash = rest.find('/');
  StoreUri uri{.scheme = StoreUri::Scheme::kS3, .bucket = std::string(rest.substr(0, slash))};
  if (!IsBucketName(uri.bucket)) {
    return Expected(
        "s3:// and the name of a bucket, 3 to 63 lower-case letters, digits, '.' and '-', as in "
        "s3://bucket/warehouse");
  }
  if (slash == std::string_view::npos) return uri;
  std::string_view path = WithoutSlashes(rest.substr(slash + 1));
  if (path == "/" || path.empty()) return uri;
  if (!IsKeyPrefix(path))
    return Expected("an s3:// URI without empty names, '.' and '..' in its path");
  uri.path = std::string(path);
  return uri;
}

}  // namespace

absl::StatusOr<StoreUri> StoreUri::Parse(std::string_view text) {
  const size_t colon = text.find("://");
  const std::string_view scheme = colon == std::string_view::npos ? "" : text.substr(0, colon);
  if (text.empty()) return Expected("a path, or a file:// or s3:// URI");
  if (scheme == "s3" || scheme == "s3a" || scheme == "s3n") {
    std::string_view rest = text.substr(colon + 3);
    if (text.find('%') != std::string_view::npos || text.find('?') != std::string_view::npos)
      return Expected("an s3:// URI without %-escapes and '?'");
    return ParseBucket(rest);
  }
  if (text.starts_with("file:///")) {
    text.remove_prefix(std::string_view("file://").size());
    if (text.find('%') != std::string_view::npos)
      return Expected("a file:// URI without %-escapes, or a plain path");
  } else if (text.starts_with("file:")) {
    return Expected("a path, or file:// and an absolute path, as in file:///data/warehouse");
  } else if (colon != std::string_view::npos) {
    return Expected(fmt::format("a path, or a file:// or s3:// URI: {}:// is not supported", scheme));
  }
  return Folder(std::string(WithoutSlashes(text)));
}

std::string StoreUri::ToString() const {
  if (is_file()) return path;
  return fmt::format("s3://{}{}{}", bucket, path.empty() ? "" : "/", path);
}

}  // namespace forebay
