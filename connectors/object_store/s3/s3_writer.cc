#include "connectors/object_store/s3/s3_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <utility>
#include <vector>

#include "connectors/object_store/s3/xml.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

constexpr size_t kPartBytes = 8 << 20;  // 5 MB is the least that S3 takes
constexpr size_t kMostParts = 10'000;

// Parts grow, so that the 10,000 that S3 takes are enough for 2.5 TB.
size_t PartBytes(size_t part) { return kPartBytes << (part / (kMostParts / 8)); }

class S3Writer : public ObjectWriter {
 public:
  S3Writer(std::shared_ptr<S3Client> client, std::string key)
      : client_(std::move(client)), key_(std::move(key)) {}

  ~S3Writer() override {
    if (sending_.valid()) sending_.wait();
    if (!upload_.empty() && !finished_) Abort();
  }

  absl::Status Append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const size_t room = PartBytes(etags_.size()) - part_.size();
      part_.append(bytes.substr(0, room));
      bytes.remove_prefix(std::min(room, bytes.size()));
      if (part_.size() == PartBytes(etags_.size())) RETURN_IF_ERROR(StartPart());
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    if (upload_.empty()) {
      S3Request put = Request("PUT");
      put.body = part_;
      RETURN_IF_ERROR(client_->Send(put).status());
    } else {
      if (!part_.empty()) RETURN_IF_ERROR(StartPart());
      RETURN_IF_ERROR(AwaitPart());
      RETURN_IF_ERROR(Complete());
    }
    finished_ = true;
    return absl::OkStatus();
  }

 private:
  S3Request Request(std::string method) const {
    return {.kind = RequestKind::kWrite,
            .method = std::move(method),
            .key = key_,
            .doing = "write",
            .permission = "s3:PutObject"};
  }

  absl::Status Begin() {
    S3Request create = Request("POST");
    create.query = {{"uploads", ""}};
    ASSIGN_OR_RETURN(HttpAnswer answer, client_->Send(create));
    absl::StatusOr<XmlNode> result = ParseXml(answer.body);
    if (result.ok()) upload_ = result->TextOf("UploadId");
    if (!upload_.empty()) return absl::OkStatus();
    return absl::UnavailableError(fmt::format(
        "cannot write s3://{}/{}: the store gives no upload id", client_->bucket(), key_));
  }

  // Sends what is in part_, and takes it.
  absl::Status StartPart() {
    if (upload_.empty()) RETURN_IF_ERROR(Begin());
    RETURN_IF_ERROR(AwaitPart());
    S3Request put = Request("PUT");
    put.query = {{"partNumber", std::to_string(etags_.size() + 1)}, {"uploadId", upload_}};
    etags_.emplace_back();
    sending_ = std::async(std::launch::async,
                          [client = client_, put, part = std::exchange(part_, "")]() mutable {
                            put.body = part;
                            return client->Send(put);
                          });
    return absl::OkStatus();
  }

  absl::Status AwaitPart() {
    if (!sending_.valid()) return absl::OkStatus();
    ASSIGN_OR_RETURN(HttpAnswer answer, sending_.get());
    etags_.back() = answer.Header("etag");
    return absl::OkStatus();
  }

  absl::Status Complete() {
    std::string body = "<CompleteMultipartUpload>";
    for (size_t part = 0; part < etags_.size(); ++part) {
      body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", part + 1,
                          etags_[part]);
    }
    body += "</CompleteMultipartUpload>";
    S3Request complete = Request("POST");
    complete.query = {{"uploadId", upload_}};
    complete.body = body;
    bool repeated = false;
    absl::Status status = client_->Send(complete, &repeated).status();
    // An upload that was completed is none any more.
    if (absl::IsNotFound(status) && repeated) return absl::OkStatus();
    if (!absl::IsNotFound(status)) return status;
    return absl::UnavailableError(
        fmt::format("{}; its upload was aborted by another", std::string(status.message())));
  }

  // What cannot be aborted is removed by the bucket's lifecycle.
  void Abort() {
    S3Request abort = Request("DELETE");
    abort.query = {{"uploadId", upload_}};
    abort.doing = "abort the upload of";
    abort.permission = "s3:AbortMultipartUpload";
    client_->Send(abort).IgnoreError();
  }

  const std::shared_ptr<S3Client> client_;
  const std::string key_;
  std::string part_;    // not sent yet
  std::string upload_;  // its id; empty: not in parts
  std::vector<std::string> etags_;
  std::future<absl::StatusOr<HttpAnswer>> sending_;
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<ObjectWriter> CreateS3Object(std::shared_ptr<S3Client> client, std::string key) {
  return std::make_unique<S3Writer>(std::move(client), std::move(key));
}

}  // namespace forebay
