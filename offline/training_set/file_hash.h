// SHA-256 of files, as manifests have it.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_FILE_HASH_H_
#define FOREBAY_OFFLINE_TRAINING_SET_FILE_HASH_H_

#include <arrow/io/interfaces.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/object_store/sha256.h"

namespace forebay {

struct FileFacts {
  int64_t bytes = 0;
  std::string sha256;
};

// Of a file in a file system. NOT_FOUND.
absl::StatusOr<FileFacts> HashFile(const std::string& path);

// Passes bytes on to `out`, and hashes them.
class HashedOutput : public arrow::io::OutputStream {
 public:
  explicit HashedOutput(std::shared_ptr<arrow::io::OutputStream> out) : out_(std::move(out)) {}

  arrow::Status Write(const void* data, int64_t size) override;
  arrow::Status Close() override;
  bool closed() const override { return out_->closed(); }
  arrow::Result<int64_t> Tell() const override { return size_; }

  // After Close.
  FileFacts facts() const { return facts_; }

 private:
  std::shared_ptr<arrow::io::OutputStream> out_;
  Sha256 hash_;
  int64_t size_ = 0;
  FileFacts facts_;
};

}  // namespace forebay

#endif  // FOREBAY_OFFLINE_TRAINING_SET_FILE_HASH_H_
