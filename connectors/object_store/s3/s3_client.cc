#include "connectors/object_store/s3/s3_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "connectors/object_store/s3/signature.h"
#include "connectors/object_store/s3/xml.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(5);

std::string FirstOf(std::initializer_list<std::string> values) {
  for (const std::string& value : values) {
    if (!value.empty()) return value;
  }
  return "";
}

// Of what is not set, what AWS's own tools would take.
S3Settings Complete(S3Settings settings) {
  std::map<std::string, std::string> profile = ProfileSettings();
  settings.region =
      FirstOf({settings.region, FromEnvironment("AWS_REGION"),
               FromEnvironment("AWS_DEFAULT_REGION"), profile["region"], "us-east-1"});
  settings.endpoint = FirstOf({settings.endpoint, FromEnvironment("AWS_ENDPOINT_URL_S3"),
                               FromEnvironment("AWS_ENDPOINT_URL"), profile["endpoint_url"]});
  settings.ca_file = FirstOf({settings.ca_file, FromEnvironment("AWS_CA_BUNDLE")});
  return settings;
}

// A name with dots is in no certificate of "*.s3.amazonaws.com".
bool IsPathStyle(const S3Settings& settings, const std::string& bucket) {
  if (settings.addressing_style != S3AddressingStyle::kAuto)
    return settings.addressing_style == S3AddressingStyle::kPath;
  return !settings.endpoint.empty() || bucket.find('.') != std::string::npos;
}

std::string AwsEndpoint(const std::string& region) {
  return fmt::format("https://s3.{}.amazonaws.com{}", region,
                     region.starts_with("cn-") ? ".cn" : "");
}

// The completion of an upload may fail after the store has begun to answer 200.
bool IsLateError(const std::string& body) {
  absl::StatusOr<XmlNode> root = ParseXml(body);
  return root.ok() && root->name == "Error";
}

}  // namespace

S3Client::S3Client(std::string bucket, S3Settings settings)
    : bucket_(std::move(bucket)),
      settings_(Complete(std::move(settings))),
      path_style_(IsPathStyle(settings_, bucket_)),
      http_({.idle = absl::Microseconds(settings_.request_timeout_us),
             .ca_file = settings_.ca_file}) {
  std::string endpoint =
      settings_.endpoint.empty() ? AwsEndpoint(settings_.region) : settings_.endpoint;
  size_t colon = endpoint.find("://");
  scheme_ = colon == std::string::npos ? "https" : endpoint.substr(0, colon);
  host_ = colon == std::string::npos ? endpoint : endpoint.substr(colon + 3);
  size_t slash = host_.find('/');
  if (slash != std::string::npos) {
    base_path_ = host_.substr(slash);
    host_.resize(slash);
  }
  while (base_path_.ends_with('/')) base_path_.pop_back();
}

HttpRequest S3Client::ToHttp(const S3Request& request) const {
  std::string path = path_style_ ? "/" + bucket_ : "";
  if (!request.key.empty()) path += "/" + request.key;
  if (path.empty()) path = "/";
  return {.method = request.method,
          .scheme = scheme_,
          .host = path_style_ ? host_ : fmt::format("{}.{}", bucket_, host_),
          .path = base_path_ + EncodePath(path),
          .query = request.query,
          .headers = request.headers,
          .body = request.body,
          .into = request.into,
          .room = request.room};
}

S3Client::Try S3Client::Judge(absl::StatusOr<HttpAnswer> answer, const S3Request& request,
                              const S3Question& question) {
  if (!answer.ok()) {
    const absl::Status& way = answer.status();
    std::string what = fmt::format("cannot {}: {}", question.doing, std::string(way.message()));
    if (absl::IsFailedPrecondition(way)) {
      return {
          .result = absl::FailedPreconditionError(
              what + "; set `ca_file` in the section `s3` to the certificate of who signed it")};
    }
    return {.result = absl::UnavailableError(what + "; check the network and `endpoint`"),
            .transient = true,
            .ambiguous = !absl::IsUnavailable(way)};
  }
  if (answer->ok() && !(request.method == "POST" && IsLateError(answer->body)))
    return {.result = std::move(answer)};
  S3Error error = ReadS3Error(*answer);
  return {.result = ToStatus(error, question),
          .transient = error.IsTransient(),
          .ambiguous = error.status >= 500 || error.status == 408 || error.status == 409,
          .of_credentials = error.IsOfCredentials()};
}

S3Client::Try S3Client::TryOnce(const S3Request& request) {
  S3Question question{
      .doing = fmt::format("{} s3://{}/{}", request.doing, bucket_, request.key),
      .permission = fmt::format("{} on arn:aws:s3:::{}{}{}", request.permission, bucket_,
                                request.key.empty() ? "" : "/", request.key),
      .bucket = bucket_,
      .endpoint = fmt::format("{}://{}", scheme_, host_),
      .region = settings_.region};
  absl::StatusOr<S3Credentials> credentials = credentials_.Get();
  if (!credentials.ok()) {
    return {.result = absl::Status(credentials.status().code(),
                                   fmt::format("cannot {}: {}", question.doing,
                                               std::string(credentials.status().message()))),
            .transient = absl::IsUnavailable(credentials.status())};
  }
  question.who = fmt::format("{} (from {})", credentials->access_key_id, credentials->origin);
  HttpRequest http = ToHttp(request);
  Sign(*credentials, settings_.region, absl::Now(), &http);
  return Judge(http_.Send(http), request, question);
}

// "Full jitter": those who were refused together do not come again together.
void S3Client::PauseBefore(int retry) {
  absl::Duration most = std::min(kLongestPause, kFirstPause * (1 << std::min(retry - 1, 10)));
  absl::Duration pause;
  {
    absl::MutexLock lock(&mutex_);
    pause = absl::Microseconds(absl::Uniform<int64_t>(random_, 0, absl::ToInt64Microseconds(most)));
  }
  absl::SleepFor(pause);
}

absl::StatusOr<HttpAnswer> S3Client::Send(const S3Request& request, bool* repeated) {
  counter_.Count(request.kind);
  const absl::Time until = absl::Now() + absl::Microseconds(settings_.retry_for_us);
  bool looked_again = false;  // for credentials
  if (repeated != nullptr) *repeated = false;
  for (int retry = 1;; ++retry) {
    Try one = TryOnce(request);
    if (one.result.ok()) away_ = false;
    bool renew = one.of_credentials && !looked_again;
    if (!one.transient && !renew) return std::move(one.result);
    if (repeated != nullptr && one.ambiguous) *repeated = true;
    if (renew) {
      credentials_.Forget();
      looked_again = true;
    } else if (away_ || absl::Now() >= until) {
      away_ = true;
      return std::move(one.result);
    } else {
      PauseBefore(retry);
    }
    counter_.CountRetry();
  }
}

}  // namespace forebay
