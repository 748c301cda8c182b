#include "connectors/object_store/s3/signature.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstring>

#include "absl/strings/escaping.h"

namespace forebay {
namespace {

std::string Digest(const EVP_MD* kind, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, kind, nullptr);
  return std::string(reinterpret_cast<const char*>(out.data()), size);
}

std::string HmacSha256(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &size);
  return std::string(reinterpret_cast<const char*>(out.data()), size);
}

std::string Encode(std::string_view text, std::string_view kept) {
  std::string encoded;
  for (char c : text) {
    bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                 kept.find(c) != std::string_view::npos;
    if (plain) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace

std::string EncodeUri(std::string_view text) { return Encode(text, "-._~"); }

std::string EncodePath(std::string_view text) { return Encode(text, "-._~/"); }

std::string EncodeQuery(const std::map<std::string, std::string>& query) {
  std::string encoded;
  for (const auto& [name, value] : query) {
    encoded +=
        fmt::format("{}{}={}", encoded.empty() ? "" : "&", EncodeUri(name), EncodeUri(value));
  }
  return encoded;
}

std::string Sha256Hex(std::string_view bytes) {
  return absl::BytesToHexString(Digest(EVP_sha256(), bytes));
}

std::string Md5Base64(std::string_view bytes) {
  return absl::Base64Escape(Digest(EVP_md5(), bytes));
}

void Sign(const S3Credentials& credentials, std::string_view region, absl::Time now,
          HttpRequest* request) {
  const std::string time = absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone());
  const std::string day = time.substr(0, 8);
  const std::string body_hash = Sha256Hex(request->body);
  request->headers["x-amz-date"] = time;
  request->headers["x-amz-content-sha256"] = body_hash;
  if (!credentials.session_token.empty())
    request->headers["x-amz-security-token"] = credentials.session_token;

  std::map<std::string, std::string> signed_headers = request->headers;
  signed_headers["host"] = request->host;
  std::string headers;
  std::string names;
  for (const auto& [name, value] : signed_headers) {
    headers += fmt::format("{}:{}\n", name, value);
    names += (names.empty() ? "" : ";") + name;
  }
  const std::string canonical =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request->method, request->path,
                  EncodeQuery(request->query), headers, names, body_hash);
  const std::string scope = fmt::format("{}/{}/s3/aws4_request", day, region);
  const std::string to_sign =
      fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", time, scope, Sha256Hex(canonical));
  std::string key = HmacSha256("AWS4" + credentials.secret_access_key, day);
  for (std::string_view part : {region, std::string_view("s3"), std::string_view("aws4_request")})
    key = HmacSha256(key, part);
  request->headers["authorization"] = fmt::format(
      "AWS4-HMAC-SHA256 Credential={}/{},SignedHeaders={},Signature={}", credentials.access_key_id,
      scope, names, absl::BytesToHexString(HmacSha256(key, to_sign)));
}

}  // namespace forebay
