#include "connectors/object_store/s3/s3_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "connectors/object_store/s3/xml.h"

namespace forebay {
namespace {

template <size_t n>
bool IsOneOf(std::string_view code, const std::array<std::string_view, n>& codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

std::string CodeOf(int status) {
  switch (status) {
    case 301:
      return "PermanentRedirect";
    case 403:
      return "AccessDenied";
    case 404:
      return "NoSuchKey";
    case 412:
      return "PreconditionFailed";
    case 416:
      return "InvalidRange";
    default:
      return fmt::format("HTTP {}", status);
  }
}

constexpr int kNoSpace = 507;

constexpr std::array<std::string_view, 4> kOtherRegion = {"PermanentRedirect", "TemporaryRedirect",
                                                          "AuthorizationHeaderMalformed",
                                                          "IllegalLocationConstraintException"};

std::string OtherRegion(const S3Error& error, const S3Question& question) {
  std::string is = error.region.empty()
                       ? fmt::format("is not in the region {}", question.region)
                       : fmt::format("is in the region {}, not {}", error.region, question.region);
  return fmt::format("the bucket {}: set `region` in the section `s3`", is);
}

// What to do where the store refuses something that is mended elsewhere; empty: it is no such
// thing.
std::string Mending(const S3Error& error, const S3Question& question) {
  if (error.code == "NoSuchBucket")
    return fmt::format("create the bucket {}, or name another", question.bucket);
  if (error.code == "RequestTimeTooSkewed") return "set the clock of this machine";
  if (error.IsOfCredentials())
    return fmt::format("renew or mend the credentials, which are {}", question.who);
  // AccessDenied, and what other stores call it.
  if (error.status == 401 || error.status == 403)
    return fmt::format("allow {} to {}", question.permission, question.who);
  return "";
}

}  // namespace

bool S3Error::IsTransient() const {
  constexpr std::array<std::string_view, 8> kCodes = {
      "SlowDown",         "RequestTimeout",     "InternalError",
      "OperationAborted", "ServiceUnavailable", "ConditionalRequestConflict",
      "Throttling",       "TooManyRequests"};
  constexpr int kNotImplemented = 501;
  bool is_fault = status >= 500 && status != kNotImplemented && status != kNoSpace;
  return is_fault || status == 408 || status == 429 || IsOneOf(code, kCodes);
}

bool S3Error::IsOfCredentials() const {
  constexpr std::array<std::string_view, 7> kCodes = {
      "ExpiredToken",          "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken",
      "SignatureDoesNotMatch", "InvalidAccessKeyId",    "RequestExpired"};
  return IsOneOf(code, kCodes);
}

S3Error ReadS3Error(const HttpAnswer& answer) {
  S3Error error{.status = answer.status,
                .code = CodeOf(answer.status),
                .region = answer.Header("x-amz-bucket-region")};
  absl::StatusOr<XmlNode> body = ParseXml(answer.body);
  const XmlNode* node = body.ok() ? body->Find("Error") : nullptr;
  if (node == nullptr) return error;
  if (std::string code = node->TextOf("Code"); !code.empty()) error.code = code;
  error.message = node->TextOf("Message");
  if (std::string region = node->TextOf("Region"); !region.empty()) error.region = region;
  return error;
}

absl::Status ToStatus(const S3Error& error, const S3Question& question) {
  std::string what = fmt::format("cannot {}: {}", question.doing, error.code);
  if (!error.message.empty()) what += fmt::format(" ({})", error.message);
  if (error.code == "NoSuchKey" || error.code == "NoSuchUpload") return absl::NotFoundError(what);
  if (error.code == "InvalidRange") return absl::OutOfRangeError(what);
  if (error.code == "PreconditionFailed") return absl::AlreadyExistsError(what);
  if (error.IsTransient()) {
    return absl::UnavailableError(
        fmt::format("{}; check the object store at {}", what, question.endpoint));
  }
  if (error.status == kNoSpace || error.code == "QuotaExceeded" ||
      error.code == "XMinioStorageFull")
    return absl::ResourceExhaustedError(what + "; free space there, then start again");
  if (std::string mending = Mending(error, question); !mending.empty())
    return absl::UnavailableError(what + "; " + mending);
  if (IsOneOf(error.code, kOtherRegion)) what += "; " + OtherRegion(error, question);
  return absl::FailedPreconditionError(what);
}

}  // namespace forebay
