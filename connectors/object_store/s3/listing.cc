#include "connectors/object_store/s3/listing.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "connectors/object_store/s3/xml.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// "a b" of "a%20b" and "a+b".
std::string DecodeUri(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    uint8_t code = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2) {
      decoded += static_cast<char>(code);
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

absl::StatusOr<ObjectInfo> ReadObject(const XmlNode& node, std::string key) {
  ObjectInfo object{.path = std::move(key)};
  absl::Time modified;
  std::string error;
  if (!absl::SimpleAtoi(node.TextOf("Size"), &object.size) ||
      !absl::ParseTime(absl::RFC3339_full, node.TextOf("LastModified"), &modified, &error))
    return absl::InternalError(fmt::format("{} has neither size nor time", object.path));
  object.modified_us = absl::ToUnixMicros(modified);
  return object;
}

// Adds a page; returns where the next begins, or "" after the last.
absl::StatusOr<std::string> ReadPage(const std::string& body, S3Listing* listing) {
  ASSIGN_OR_RETURN(XmlNode page, ParseXml(body));
  if (page.name != "ListBucketResult")
    return absl::InvalidArgumentError(fmt::format("it is a {}", page.name));
  const bool encoded = page.TextOf("EncodingType") == "url";
  auto text = [&](const XmlNode& node, std::string_view name) {
    return encoded ? DecodeUri(node.TextOf(name)) : node.TextOf(name);
  };
  for (const XmlNode& node : page.children) {
    if (node.name == "Contents") {
      ASSIGN_OR_RETURN(ObjectInfo object, ReadObject(node, text(node, "Key")));
      listing->objects.push_back(std::move(object));
    } else if (node.name == "CommonPrefixes") {
      std::string folder = text(node, "Prefix");
      if (folder.ends_with('/')) folder.pop_back();
      listing->folders.push_back(std::move(folder));
    }
  }
  return page.TextOf("IsTruncated") == "true" ? page.TextOf("NextContinuationToken") : "";
}

}  // namespace

absl::StatusOr<S3Listing> ListKeys(S3Client* client, const S3ListingRequest& request) {
  S3Listing listing;
  S3Request ask{.kind = RequestKind::kList,
                .query = {{"list-type", "2"}, {"prefix", request.prefix}, {"encoding-type", "url"}},
                .doing = fmt::format("list '{}' in", request.prefix),
                .permission = "s3:ListBucket"};
  ask.query["max-keys"] = std::to_string(request.page);
  if (request.one_level) ask.query["delimiter"] = "/";
  if (!request.after.empty()) ask.query["start-after"] = request.after;
  while (true) {
    ASSIGN_OR_RETURN(HttpAnswer answer, client->Send(ask));
    absl::StatusOr<std::string> next = ReadPage(answer.body, &listing);
    if (!next.ok()) {
      return absl::UnavailableError(fmt::format("cannot {} s3://{}: the answer is no listing ({})",
                                                ask.doing, client->bucket(),
                                                std::string(next.status().message())));
    }
    if (next->empty()) return listing;
    ask.query["continuation-token"] = *next;
  }
}

}  // namespace forebay
