#include "connectors/object_store/s3/credentials.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "absl/time/clock.h"
#include "connectors/object_store/s3/http.h"
#include "connectors/object_store/s3/profile_file.h"
#include "connectors/object_store/s3/signature.h"
#include "connectors/object_store/s3/trimmed.h"
#include "connectors/object_store/s3/xml.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

// A place to look at: nullopt, nothing is said there.
using Found = absl::StatusOr<std::optional<S3Credentials>>;

constexpr absl::Duration kEarly = absl::Minutes(5);  // before they expire

absl::StatusOr<std::string> ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file.good() && !file.eof())
    return absl::FailedPreconditionError(fmt::format("cannot read {}", path));
  return text;
}

std::string Profile() {
  std::string name = FromEnvironment("AWS_PROFILE");
  return name.empty() ? "default" : name;
}

std::string AwsFile(const char* variable, const char* name) {
  std::string path = FromEnvironment(variable);
  return path.empty() ? fmt::format("{}/.aws/{}", FromEnvironment("HOME"), name) : path;
}

absl::Time ParseExpiry(const std::string& text) {
  absl::Time time;
  std::string error;
  return absl::ParseTime(absl::RFC3339_full, text, &time, &error) ? time : absl::InfiniteFuture();
}

Found FromVariables() {
  S3Credentials found{.access_key_id = FromEnvironment("AWS_ACCESS_KEY_ID"),
                      .secret_access_key = FromEnvironment("AWS_SECRET_ACCESS_KEY"),
                      .session_token = FromEnvironment("AWS_SESSION_TOKEN"),
                      .origin = "AWS_ACCESS_KEY_ID"};
  if (found.access_key_id.empty() != found.secret_access_key.empty()) {
    return absl::FailedPreconditionError(
        "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set: set both, or none");
  }
  if (found.access_key_id.empty()) return std::nullopt;
  return found;
}

std::optional<S3Credentials> FromSection(const std::string& path, const std::string& section) {
  absl::StatusOr<std::string> text = ReadText(path);
  if (!text.ok()) return std::nullopt;
  std::map<std::string, std::string> values = ReadProfileSection(*text, section);
  S3Credentials found{.access_key_id = values["aws_access_key_id"],
                      .secret_access_key = values["aws_secret_access_key"],
                      .session_token = values["aws_session_token"],
                      .origin = fmt::format("[{}] in {}", section, path)};
  if (found.access_key_id.empty() || found.secret_access_key.empty()) return std::nullopt;
  return found;
}

std::string ConfigSection() {
  std::string profile = Profile();
  return profile == "default" ? profile : "profile " + profile;
}

Found FromProfile() {
  std::string credentials = AwsFile("AWS_SHARED_CREDENTIALS_FILE", "credentials");
  std::string config = AwsFile("AWS_CONFIG_FILE", "config");
  if (auto found = FromSection(credentials, Profile())) return found;
  if (auto found = FromSection(config, ConfigSection())) return found;
  if (FromEnvironment("AWS_PROFILE").empty()) return std::nullopt;
  return absl::FailedPreconditionError(
      fmt::format("AWS_PROFILE is {}, but neither {} nor {} has a key id and a secret key for it "
                  "(roles, single sign-on and processes that profiles may name are not followed)",
                  Profile(), credentials, config));
}

HttpClient& MetadataClient() {
  static auto& client = *new HttpClient({.connect = absl::Seconds(1), .idle = absl::Seconds(5)});
  return client;
}

absl::StatusOr<std::string> Ask(HttpRequest request, std::string_view whom) {
  absl::StatusOr<HttpAnswer> answer = MetadataClient().Send(request);
  if (!answer.ok()) {
    return absl::UnavailableError(
        fmt::format("{} gives no credentials: {}", whom, std::string(answer.status().message())));
  }
  if (!answer->ok()) {
    return absl::UnavailableError(
        fmt::format("{} gives no credentials: it answers {}", whom, answer->status));
  }
  return std::move(answer->body);
}

// What container agents and the metadata service answer.
Found ParseCredentials(const std::string& text, std::string origin) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  auto value = [&](const char* name) {
    return json.is_object() && json.contains(name) && json[name].is_string()
               ? json[name].get<std::string>()
               : std::string();
  };
  S3Credentials found{.access_key_id = value("AccessKeyId"),
                      .secret_access_key = value("SecretAccessKey"),
                      .session_token = value("Token"),
                      .expires = ParseExpiry(value("Expiration")),
                      .origin = std::move(origin)};
  if (found.access_key_id.empty() || found.secret_access_key.empty())
    return absl::UnavailableError(fmt::format("{} gives no credentials", found.origin));
  return found;
}

// "http://host/path" into its parts; false: it is no such thing.
bool SplitUrl(std::string_view url, HttpRequest* request) {
  size_t colon = url.find("://");
  if (colon == std::string_view::npos) return false;
  request->scheme = url.substr(0, colon);
  url.remove_prefix(colon + 3);
  size_t slash = url.find('/');
  request->host = url.substr(0, slash);
  request->path = slash == std::string_view::npos ? "/" : std::string(url.substr(slash));
  return !request->host.empty();
}

Found FromContainer() {
  std::string relative = FromEnvironment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  std::string url = relative.empty() ? FromEnvironment("AWS_CONTAINER_CREDENTIALS_FULL_URI")
                                     : "http://169.254.170.2" + relative;
  if (url.empty()) return std::nullopt;
  HttpRequest request{.method = "GET"};
  if (!SplitUrl(url, &request)) {
    return absl::FailedPreconditionError(
        fmt::format("AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL: {}", url));
  }
  std::string token = FromEnvironment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (std::string file = FromEnvironment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) {
    ASSIGN_OR_RETURN(token, ReadText(file));
  }
  if (!token.empty()) request.headers["authorization"] = Trimmed(token);
  std::string origin = fmt::format("the container's agent at {}", request.host);
  ASSIGN_OR_RETURN(std::string text, Ask(request, origin));
  return ParseCredentials(text, origin);
}

Found FromMachine() {
  if (FromEnvironment("AWS_EC2_METADATA_DISABLED") == "true") return std::nullopt;
  HttpRequest request{.scheme = "http", .host = "169.254.169.254"};
  std::string url = FromEnvironment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (!url.empty() && !SplitUrl(url, &request)) return std::nullopt;
  const std::string origin = fmt::format("the metadata service at {}", request.host);
  const std::string base = request.path == "/" ? "" : request.path;
  request.method = "PUT";
  request.path = base + "/latest/api/token";
  request.headers["x-aws-ec2-metadata-token-ttl-seconds"] = "21600";
  absl::StatusOr<std::string> token = Ask(request, origin);
  if (!token.ok()) return std::nullopt;  // most machines have none
  request.method = "GET";
  request.headers = {{"x-aws-ec2-metadata-token", *token}};
  request.path = base + "/latest/meta-data/iam/security-credentials/";
  ASSIGN_OR_RETURN(std::string role, Ask(request, origin));
  request.path += role.substr(0, role.find('\n'));
  ASSIGN_OR_RETURN(std::string text, Ask(request, origin));
  return ParseCredentials(text, origin);
}

Found FromWebIdentity() {
  std::string file = FromEnvironment("AWS_WEB_IDENTITY_TOKEN_FILE");
  std::string role = FromEnvironment("AWS_ROLE_ARN");
  if (file.empty() || role.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(std::string token, ReadText(file));
  std::string session = FromEnvironment("AWS_ROLE_SESSION_NAME");
  std::string region = FromEnvironment("AWS_REGION");
  std::string url = FromEnvironment("AWS_ENDPOINT_URL_STS");
  if (url.empty())
    url = region.empty() ? "https://sts.amazonaws.com"
                         : fmt::format("https://sts.{}.amazonaws.com", region);
  HttpRequest request{.method = "POST"};
  if (!SplitUrl(url, &request))
    return absl::FailedPreconditionError(fmt::format("AWS_ENDPOINT_URL_STS is no URL: {}", url));
  const std::string form = EncodeQuery({{"Action", "AssumeRoleWithWebIdentity"},
                                        {"Version", "2011-06-15"},
                                        {"RoleArn", role},
                                        {"RoleSessionName", session.empty() ? "forebay" : session},
                                        {"WebIdentityToken", std::string(Trimmed(token))}});
  request.headers["content-type"] = "application/x-www-form-urlencoded";
  request.body = form;
  std::string origin = fmt::format("{} for the web identity in {}", request.host, file);
  ASSIGN_OR_RETURN(std::string text, Ask(request, origin));
  ASSIGN_OR_RETURN(XmlNode answer, ParseXml(text));
  const XmlNode* given = answer.Find("Credentials");
  if (given == nullptr)
    return absl::UnavailableError(fmt::format("{} gives no credentials", origin));
  return S3Credentials{.access_key_id = given->TextOf("AccessKeyId"),
                       .secret_access_key = given->TextOf("SecretAccessKey"),
                       .session_token = given->TextOf("SessionToken"),
                       .expires = ParseExpiry(given->TextOf("Expiration")),
                       .origin = origin};
}

absl::StatusOr<S3Credentials> Look() {
  for (auto* place : {FromVariables, FromWebIdentity, FromProfile, FromContainer, FromMachine}) {
    ASSIGN_OR_RETURN(std::optional<S3Credentials> found, place());
    if (found) return *std::move(found);
  }
  return absl::FailedPreconditionError(fmt::format(
      "there are no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write "
      "them into {}",
      AwsFile("AWS_SHARED_CREDENTIALS_FILE", "credentials")));
}

}  // namespace

std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::map<std::string, std::string> ProfileSettings() {
  absl::StatusOr<std::string> text = ReadText(AwsFile("AWS_CONFIG_FILE", "config"));
  if (!text.ok()) return {};
  return ReadProfileSection(*text, ConfigSection());
}

absl::StatusOr<S3Credentials> CredentialChain::Get() {
  absl::MutexLock lock(&mutex_);
  if (found_ && absl::Now() < found_->expires - kEarly) return *found_;
  absl::StatusOr<S3Credentials> found = Look();
  if (found.ok()) {
    found_ = *found;
    found_before_ = true;
    return found;
  }
  if (found_ && absl::Now() < found_->expires) return *found_;  // good for a while yet
  if (found_before_) return absl::UnavailableError(std::string(found.status().message()));
  return found;
}

void CredentialChain::Forget() {
  absl::MutexLock lock(&mutex_);
  found_.reset();
}

}  // namespace forebay
