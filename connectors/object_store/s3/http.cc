#include "connectors/object_store/s3/http.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "absl/strings/ascii.h"
#include "connectors/object_store/s3/signature.h"
#include "connectors/object_store/s3/trimmed.h"

namespace forebay {
namespace {

constexpr size_t kMostIdle = 16;  // connections

// libcurl's global part is set up once, before threads use it.
void SetUpCurl() {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)once;
}

struct Receiving {
  CURL* curl = nullptr;
  const HttpRequest* request = nullptr;
  HttpAnswer answer;
};

bool IsSuccess(CURL* curl) {
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return status >= 200 && status < 300;
}

size_t ReceiveBody(char* bytes, size_t, size_t size, void* to) {
  auto* receiving = static_cast<Receiving*>(to);
  HttpAnswer& answer = receiving->answer;
  const HttpRequest& request = *receiving->request;
  if (request.into == nullptr || !IsSuccess(receiving->curl)) {
    answer.body.append(bytes, size);
  } else if (answer.body_size + static_cast<int64_t>(size) > request.room) {
    return 0;  // which ends the transfer
  } else {
    std::memcpy(request.into + answer.body_size, bytes, size);
  }
  answer.body_size += static_cast<int64_t>(size);
  return size;
}

size_t ReceiveHeader(char* bytes, size_t, size_t size, void* to) {
  std::string_view line(bytes, size);
  HttpAnswer& answer = static_cast<Receiving*>(to)->answer;
  if (line.starts_with("HTTP/")) answer.headers.clear();  // after a "100 Continue"
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string name(line.substr(0, colon));
  absl::AsciiStrToLower(&name);
  answer.headers[name] = Trimmed(line.substr(colon + 1));
  return size;
}

std::string Url(const HttpRequest& request) {
  std::string url = fmt::format("{}://{}{}", request.scheme, request.host, request.path);
  if (!request.query.empty()) url += "?" + EncodeQuery(request.query);
  return url;
}

using HeaderList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

HeaderList Headers(const HttpRequest& request) {
  curl_slist* list = nullptr;
  for (const auto& [name, value] : request.headers)
    list = curl_slist_append(list, fmt::format("{}: {}", name, value).c_str());
  // What libcurl would add by itself.
  for (const char* without : {"Expect:", "Accept:"}) list = curl_slist_append(list, without);
  if (!request.headers.contains("content-type")) list = curl_slist_append(list, "Content-Type:");
  return HeaderList(list, curl_slist_free_all);
}

void SetMethod(CURL* curl, const HttpRequest& request) {
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (request.method == "GET") {
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
  } else {
    if (request.method != "DELETE") {
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

bool IsOfTheWayThere(CURLcode code) {
  return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
         code == CURLE_COULDNT_CONNECT;
}

bool IsOfTrust(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
         code == CURLE_SSL_ISSUER_ERROR;
}

absl::Status TransferError(CURLcode code, const char* text, const HttpRequest& request) {
  std::string what = fmt::format("{}://{}: {}", request.scheme, request.host,
                                 *text != '\0' ? text : curl_easy_strerror(code));
  if (IsOfTheWayThere(code)) return absl::UnavailableError(what);
  if (IsOfTrust(code)) return absl::FailedPreconditionError(what);
  return absl::AbortedError(what);
}

}  // namespace

std::string HttpAnswer::Header(const std::string& name) const {
  auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpClient::HttpClient(HttpOptions options) : options_(std::move(options)) { SetUpCurl(); }

HttpClient::~HttpClient() {
  for (void* connection : idle_) curl_easy_cleanup(connection);
}

void* HttpClient::Take() {
  absl::MutexLock lock(&mutex_);
  if (idle_.empty()) return curl_easy_init();
  void* connection = idle_.back();
  idle_.pop_back();
  return connection;
}

void HttpClient::GiveBack(void* connection) {
  curl_easy_reset(connection);  // its connection stays open
  {
    absl::MutexLock lock(&mutex_);
    if (idle_.size() < kMostIdle) {
      idle_.push_back(connection);
      return;
    }
  }
  curl_easy_cleanup(connection);
}

absl::StatusOr<HttpAnswer> HttpClient::Send(const HttpRequest& request) {
  CURL* curl = Take();
  if (curl == nullptr) return absl::ResourceExhaustedError("no memory for an HTTP connection");
  Receiving receiving{.curl = curl, .request = &request};
  std::array<char, CURL_ERROR_SIZE> error_text{};
  HeaderList headers = Headers(request);
  curl_easy_setopt(curl, CURLOPT_URL, Url(request).c_str());
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  SetMethod(curl, request);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_text.data());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(options_.connect)));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                   std::max(1L, static_cast<long>(absl::ToInt64Seconds(options_.idle))));
  if (!options_.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options_.ca_file.c_str());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ReceiveBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &receiving);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, ReceiveHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &receiving);
  CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  GiveBack(curl);
  if (code != CURLE_OK) return TransferError(code, error_text.data(), request);
  receiving.answer.status = static_cast<int>(status);
  return std::move(receiving.answer);
}

}  // namespace forebay
