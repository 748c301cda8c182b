#include "connectors/object_store/s3/s3_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr int64_t kEndBytes = 64 << 10;  // what Arrow asks for first of a Parquet file

class S3Reader : public ObjectReader {
 public:
  S3Reader(std::shared_ptr<S3Client> client, std::string key, std::string etag, int64_t size,
           std::string end)
      : client_(std::move(client)),
        key_(std::move(key)),
        etag_(std::move(etag)),
        size_(size),
        end_(std::move(end)) {}

  int64_t size() const override { return size_; }

  absl::StatusOr<int64_t> ReadAt(int64_t offset, int64_t length, void* out) const override {
    length = std::min(length, size_ - offset);
    if (length <= 0) return 0;
    char* to = static_cast<char*>(out);
    const int64_t end_begins = size_ - static_cast<int64_t>(end_.size());
    const int64_t before = std::clamp<int64_t>(end_begins - offset, 0, length);
    if (before > 0) RETURN_IF_ERROR(Fetch(offset, before, to));
    if (before < length)
      std::memcpy(to + before, end_.data() + (offset + before - end_begins), length - before);
    return length;
  }

 private:
  absl::Status Fetch(int64_t offset, int64_t length, char* to) const {
    S3Request request{
        .key = key_,
        .headers = {{"range", fmt::format("bytes={}-{}", offset, offset + length - 1)}},
        .into = to,
        .room = length};
    if (!etag_.empty()) request.headers["if-match"] = etag_;
    absl::StatusOr<HttpAnswer> answer = client_->Send(request);
    if (absl::IsAlreadyExists(answer.status()))  // the precondition does not hold
      return absl::UnavailableError(Describe("was replaced while it was read: try again"));
    RETURN_IF_ERROR(answer.status());
    if (answer->body_size != length)
      return absl::UnavailableError(Describe(
          fmt::format("gave {} bytes where {} were asked for", answer->body_size, length)));
    return absl::OkStatus();
  }

  std::string Describe(std::string_view what) const {
    return fmt::format("s3://{}/{} {}", client_->bucket(), key_, what);
  }

  const std::shared_ptr<S3Client> client_;
  const std::string key_;
  const std::string etag_;
  const int64_t size_;
  const std::string end_;  // the last bytes
};

// 1234 of "bytes 1000-1233/1234"; nullopt: it says no size.
std::optional<int64_t> SizeOf(const HttpAnswer& answer) {
  if (answer.status != 206) return static_cast<int64_t>(answer.body.size());  // all of it
  std::string range = answer.Header("content-range");
  size_t slash = range.find('/');
  int64_t size = 0;
  if (slash == std::string::npos || !absl::SimpleAtoi(range.substr(slash + 1), &size))
    return std::nullopt;
  return size;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ObjectReader>> OpenS3Object(std::shared_ptr<S3Client> client,
                                                           std::string key) {
  S3Request request{.key = key, .headers = {{"range", fmt::format("bytes=-{}", kEndBytes)}}};
  absl::StatusOr<HttpAnswer> answer = client->Send(request);
  if (absl::IsOutOfRange(answer.status()))
    return std::make_unique<S3Reader>(std::move(client), std::move(key), "", 0, "");
  RETURN_IF_ERROR(answer.status());
  std::optional<int64_t> size = SizeOf(*answer);
  if (!size || *size < static_cast<int64_t>(answer->body.size())) {
    return absl::UnavailableError(fmt::format(
        "cannot read s3://{}/{}: the answer does not say its size", client->bucket(), key));
  }
  return std::make_unique<S3Reader>(std::move(client), std::move(key), answer->Header("etag"),
                                    *size, std::move(answer->body));
}

}  // namespace forebay
