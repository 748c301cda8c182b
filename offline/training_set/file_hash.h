// SHA-256 of files, as manifests have it.
#ifndef FOREBAY_OFFLINE_TRAINING_SET_FILE_HASH_H_
#define FOREBAY_OFFLINE_TRAINING_SET_FILE_HASH_H_

#include <arrow/io/interfaces.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct evp_md_ctx_st;

namespace forebay {

// Of bytes that come one after the other.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(std::string_view bytes);
  // Lower-case hexadecimal digits. Once.
  std::string Finish();

 private:
  evp_md_ctx_st* context_;
};

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
