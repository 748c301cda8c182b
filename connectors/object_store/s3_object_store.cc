#include "connectors/object_store/s3_object_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "connectors/object_store/s3/listing.h"
#include "connectors/object_store/s3/s3_client.h"
#include "connectors/object_store/s3/s3_reader.h"
#include "connectors/object_store/s3/s3_writer.h"
#include "connectors/object_store/s3/signature.h"
#include "connectors/object_store/s3/xml.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr size_t kMostDeleted = 1000;  // at once
constexpr char kTokenHeader[] = "x-amz-meta-forebay-writer";

std::string RandomToken() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

std::string EscapeXml(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    bool plain = c >= ' ' && c != '&' && c != '<' && c != '>';
    escaped += plain || static_cast<unsigned char>(c) >= 0x80
                   ? std::string(1, c)
                   : fmt::format("&#{};", static_cast<int>(c));
  }
  return escaped;
}

}  // namespace

S3ObjectStore::S3ObjectStore(std::string bucket, std::string prefix, const S3Settings& settings)
    : ObjectStore(settings),
      prefix_(std::move(prefix)),
      client_(std::make_shared<S3Client>(std::move(bucket), settings)) {}

S3ObjectStore::~S3ObjectStore() = default;

std::string S3ObjectStore::Key(std::string_view path) const {
  if (prefix_.empty()) return std::string(path);
  return path.empty() ? prefix_ : fmt::format("{}/{}", prefix_, path);
}

std::string S3ObjectStore::KeyPrefix(std::string_view folder) const {
  std::string key = Key(folder);
  return key.empty() ? key : key + "/";
}

std::string S3ObjectStore::Describe(std::string_view path) const {
  std::string key = Key(path);
  return fmt::format("s3://{}{}{}", client_->bucket(), key.empty() ? "" : "/", key);
}

RequestCounts S3ObjectStore::requests() const { return client_->counts(); }

absl::StatusOr<std::string> S3ObjectStore::Get(std::string_view path) const {
  ASSIGN_OR_RETURN(HttpAnswer answer, client_->Send({.key = Key(path)}));
  return std::move(answer.body);
}

absl::StatusOr<std::unique_ptr<ObjectReader>> S3ObjectStore::Open(std::string_view path) const {
  return OpenS3Object(client_, Key(path));
}

absl::StatusOr<std::vector<ObjectInfo>> S3ObjectStore::ListAfter(std::string_view folder,
                                                                 std::string_view after) const {
  S3ListingRequest request{.prefix = KeyPrefix(folder)};
  if (!after.empty()) request.after = Key(after);
  ASSIGN_OR_RETURN(S3Listing listing, ListKeys(client_.get(), request));
  // What other programs put there for a folder is no object in it.
  std::erase_if(listing.objects,
                [&](const ObjectInfo& object) { return object.path == request.prefix; });
  const size_t root = KeyPrefix("").size();
  for (ObjectInfo& object : listing.objects) object.path.erase(0, root);
  return std::move(listing.objects);
}

absl::StatusOr<std::vector<std::string>> S3ObjectStore::ListFolders(std::string_view folder) const {
  ASSIGN_OR_RETURN(S3Listing listing, ListKeys(client_.get(), {.prefix = KeyPrefix(folder)}));
  const size_t root = KeyPrefix("").size();
  for (std::string& found : listing.folders) found.erase(0, root);
  std::sort(listing.folders.begin(), listing.folders.end());
  return std::move(listing.folders);
}

absl::Status S3ObjectStore::Put(std::string_view path, std::string_view bytes) {
  return client_
      ->Send({.kind = RequestKind::kWrite,
              .method = "PUT",
              .key = Key(path),
              .body = bytes,
              .doing = "write",
              .permission = "s3:PutObject"})
      .status();
}

absl::StatusOr<std::unique_ptr<ObjectWriter>> S3ObjectStore::Create(std::string_view path) {
  return CreateS3Object(client_, Key(path));
}

absl::StatusOr<bool> S3ObjectStore::IsOurs(const std::string& key, const std::string& token) const {
  ASSIGN_OR_RETURN(HttpAnswer answer, client_->Send({.method = "HEAD", .key = key}));
  return answer.Header(kTokenHeader) == token;
}

absl::Status S3ObjectStore::PutIfAbsent(std::string_view path, std::string_view bytes,
                                        std::optional<int64_t>) {
  const std::string key = Key(path);
  // Told by it, whether what is there came from a try of ours that was not answered.
  const std::string token = RandomToken();
  bool repeated = false;
  absl::Status status = client_
                            ->Send({.kind = RequestKind::kCommit,
                                    .method = "PUT",
                                    .key = key,
                                    .headers = {{"if-none-match", "*"}, {kTokenHeader, token}},
                                    .body = bytes,
                                    .doing = "create",
                                    .permission = "s3:PutObject"},
                                   &repeated)
                            .status();
  if (!repeated || !absl::IsAlreadyExists(status)) return status;
  ASSIGN_OR_RETURN(bool ours, IsOurs(key, token));
  return ours ? absl::OkStatus() : status;
}

absl::Status S3ObjectStore::Delete(std::string_view path) {
  absl::Status status = client_
                            ->Send({.kind = RequestKind::kDelete,
                                    .method = "DELETE",
                                    .key = Key(path),
                                    .doing = "delete",
                                    .permission = "s3:DeleteObject"})
                            .status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::Status S3ObjectStore::DeleteKeys(absl::Span<const std::string> keys) {
  std::string body = "<Delete><Quiet>true</Quiet>";
  for (const std::string& key : keys)
    body += fmt::format("<Object><Key>{}</Key></Object>", EscapeXml(key));
  body += "</Delete>";
  ASSIGN_OR_RETURN(HttpAnswer answer, client_->Send({.kind = RequestKind::kDelete,
                                                     .method = "POST",
                                                     .query = {{"delete", ""}},
                                                     .headers = {{"content-md5", Md5Base64(body)}},
                                                     .body = body,
                                                     .doing = "delete objects in",
                                                     .permission = "s3:DeleteObject"}));
  absl::StatusOr<XmlNode> result = ParseXml(answer.body);
  const XmlNode* error = result.ok() ? result->Find("Error") : nullptr;
  if (error == nullptr) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "cannot delete s3://{}/{}: {} ({}); s3:DeleteObject may be lacking", client_->bucket(),
      error->TextOf("Key"), error->TextOf("Code"), error->TextOf("Message")));
}

absl::Status S3ObjectStore::DeleteFolder(std::string_view folder) {
  ASSIGN_OR_RETURN(S3Listing listing,
                   ListKeys(client_.get(), {.prefix = KeyPrefix(folder), .one_level = false}));
  std::vector<std::string> keys;
  for (ObjectInfo& object : listing.objects) keys.push_back(std::move(object.path));
  for (size_t at = 0; at < keys.size(); at += kMostDeleted)
    RETURN_IF_ERROR(DeleteKeys(absl::MakeConstSpan(keys).subspan(at, kMostDeleted)));
  return absl::OkStatus();
}

}  // namespace forebay
